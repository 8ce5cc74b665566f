/** Loads files of the project: JavaScript as Node does it, TypeScript in this process without a type check. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Jiti } from 'jiti';
import type { HelperMode } from 'oxc-transform';

const TYPESCRIPT = /\.[cm]?ts$/;

let loader: Promise<Jiti> | undefined;

/** @returns what the module exports; of a module with nothing but a default export, that */
export async function loadModule(file: string): Promise<Record<string, unknown>> {
  if (file.endsWith('.json')) return createRequire(file)(file) as Record<string, unknown>;
  if (TYPESCRIPT.test(file)) return (await (loader ??= typescript())).import<Record<string, unknown>>(file);
  return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
}

/**
 * oxc knows decorators and their metadata, which jiti's own transform does not with strict fields (`id!: number`); jiti knows how modules of
 * both kinds find each other.
 */
async function typescript(): Promise<Jiti> {
  const [{ transformSync }, { createJiti }] = await Promise.all([import('oxc-transform'), import('jiti')]);
  Object.assign(globalThis, { babelHelpers: DECORATORS });
  const root = `${process.cwd()}/`;
  const modules = createJiti(root, { fsCache: false });
  return createJiti(root, {
    fsCache: false,
    interopDefault: true,
    transform: (given) => {
      if (!TYPESCRIPT.test(given.filename ?? '')) return { code: modules.transform(given) };
      const { code, errors } = transformSync(given.filename!, given.source, {
        decorator: { legacy: true, emitDecoratorMetadata: true },
        typescript: { removeClassFieldsWithoutInitializer: true },
        assumptions: { setPublicClassFields: true },
        helpers: { mode: 'External' as HelperMode },
      });
      const [error] = errors;
      if (error) throw new SyntaxError(error.message);
      return { code: modules.transform({ ...given, ts: false, source: code }) };
    },
  });
}

type Decorator = (...args: unknown[]) => unknown;

/** As TypeScript's own (`experimentalDecorators`). */
const DECORATORS = {
  decorate(decorators: Decorator[], target: object, key?: PropertyKey, description?: PropertyDescriptor | null): unknown {
    const ofMember = key !== undefined;
    let result: unknown = !ofMember ? target : description === null ? Object.getOwnPropertyDescriptor(target, key) : description;
    for (const decorator of decorators.toReversed()) {
      const decorated = ofMember ? decorator(target, key, result) : decorator(result);
      result = decorated ?? result;
    }
    if (ofMember && result) Object.defineProperty(target, key, result as PropertyDescriptor);
    return result;
  },
  decorateMetadata: (key: string, value: unknown) => (Reflect as { metadata?: (key: string, value: unknown) => Decorator }).metadata?.(key, value) ?? (() => undefined),
  decorateParam: (index: number, decorator: Decorator) => (target: unknown, key: unknown) => decorator(target, key, index),
};
