/** Prisma's schema engine as WebAssembly, from the package in which Prisma publishes it: nothing is downloaded at run time. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { SchemaEngine } from '@prisma/schema-engine-wasm';

/** As far as it is used here; Node's types leave it out. */
declare const WebAssembly: {
  instantiate(code: Uint8Array, imports: Record<string, unknown>): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

interface Bindings {
  SchemaEngine: typeof SchemaEngine;
  __wbg_set_wasm(exports: Record<string, unknown>): void;
}

/** @param onPanic told what the engine says when it can go on no more; the process must end then. */
export async function loadSchemaEngine(onPanic: (message: string) => void): Promise<typeof SchemaEngine> {
  // The engine looks for this name on the global object.
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: onPanic } });
  const place = import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bindings = (await import(place)) as Bindings;
  const code = await readFile(fileURLToPath(new URL('schema_engine_bg.wasm', place)));
  const { instance } = await WebAssembly.instantiate(code, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports['__wbindgen_start'] as () => void)();
  return bindings.SchemaEngine;
}
