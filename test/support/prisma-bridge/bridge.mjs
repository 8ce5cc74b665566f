#!/usr/bin/env node
/**
 * Stands in for Prisma's native schema engine (PRISMA_SCHEMA_ENGINE_BINARY): JSON-RPC on stdin and stdout, one message a
 * line, as the unchanged CLI speaks it. Nothing is downloaded.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { postgresFactory } from './connection.mjs';
import { sqliteFactory } from './sqlite-connection.mjs';
import { loadSchemaEngine } from './schema-engine.mjs';

const { values, positionals } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: { datasource: { type: 'string' }, datamodels: { type: 'string', multiple: true } },
});
// `cli can-connect-to-database`: exit code 0 says yes, and the commands find out for themselves.
if (positionals.includes('cli')) process.exit(0);

let serverError = null;
const { url } = JSON.parse(values.datasource ?? '{}');
const datamodels = values.datamodels?.map((path) => [path, readFileSync(path, 'utf8')]);
const SchemaEngine = await loadSchemaEngine();
const factory = url?.startsWith('file:') ? sqliteFactory : postgresFactory;
const engine = await SchemaEngine.new({ datamodels }, () => {}, factory(url, (error) => { serverError = error; }));

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (method) await answer(id, method === 'getDatabaseVersion' ? 'version' : method, params);
}
process.exit(0);

async function answer(id, method, params) {
  serverError = null;
  try {
    const result = (await engine[method](params)) ?? null;
    // The native engine prints a diff by a request of its own, and the CLI shows nothing else.
    if (method === 'diff' && result.stdout) send({ id: 1, method: 'print', params: { content: result.stdout } });
    send({ id, result });
  } catch (error) {
    send({ id, error: { code: 4466, message: 'An error happened. Check the data field for details.', data: errorData(method, error) } });
  }
}

/** The WASM engine loses the code of a migration's failure, which the native one reports as P3018. */
function errorData(method, error) {
  const message = String(error.message ?? error);
  if (method !== 'applyMigrations' || !serverError || error.code) return { is_panic: false, message, meta: error.meta ?? null, error_code: error.code ?? null };
  return { is_panic: false, message: `A migration failed to apply (${serverError.code})\n${message}`, meta: { database_error_code: serverError.code }, error_code: 'P3018' };
}

function send(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}
