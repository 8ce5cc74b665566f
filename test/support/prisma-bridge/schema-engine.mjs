/**
 * Prisma's schema engine as WebAssembly: the very file that the installed CLI ships, so that versions cannot differ. The
 * binding code comes from `@prisma/schema-engine-wasm`, which is published for another build of the same interface.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);

/** The class `SchemaEngine`, ready to use. */
export async function loadSchemaEngine() {
  let panic = '';
  globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: (message) => { panic = message; }, get: () => panic };
  const bindings = await import(pathToFileURL(join(dirname(require.resolve('@prisma/schema-engine-wasm/schema_engine_bg')), 'schema_engine_bg.js')));
  const code = readFileSync(join(dirname(require.resolve('prisma/package.json')), 'build', 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(code, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return bindings.SchemaEngine;
}
