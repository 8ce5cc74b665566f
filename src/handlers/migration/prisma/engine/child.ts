/** Runs in a process of its own: a panic of the engine ends the process it happens in. It gets no credentials. */
import type { SchemaEngine } from '@prisma/schema-engine-wasm';
import { databaseOf, type Answer } from './adapter.js';
import { loadSchemaEngine } from './load.js';
import type { FromEngine, SchemaFile, SchemaState, ToEngine } from './messages.js';

const say = (message: FromEngine) => process.send!(message);
const waiting = new Map<number, (answer: Answer) => void>();
let asked = 0;

function ask(sql: string, parameters: unknown[]): Promise<Answer> {
  const id = ++asked;
  say({ kind: 'query', id, sql, parameters });
  return new Promise((resolve) => waiting.set(id, resolve));
}

let panic: string | null = null;
const engineClass = loadSchemaEngine((message) => (panic = message));

const NO_FILTER = { externalTables: [], externalEnums: [] };

async function diff({ from, to, files, schema, provider }: Extract<ToEngine, { kind: 'diff' }>): Promise<void> {
  let engine: SchemaEngine | undefined;
  try {
    engine = await (await engineClass).new({ datamodels: undefined }, () => {}, databaseOf(provider, schema, ask));
    const { stdout, exitCode } = await engine.diff({ from: target(from, files), to: target(to, files), script: true, exitCode: true, filters: NO_FILTER });
    say({ kind: 'script', script: exitCode === 2 ? (stdout ?? '') : '' });
    engine.free();
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    say({ kind: 'failed', code: code ?? null, message: panic ?? message ?? 'unknown' });
    // What a panic leaves behind in memory is not to be used again.
    if (panic !== null) process.disconnect();
  }
}

function target(state: SchemaState, files: SchemaFile[]) {
  return state === 'datamodel' ? ({ tag: 'schemaDatamodel', files } as const) : ({ tag: 'schemaDatasource', configDir: '/', files } as const);
}

process.on('message', (message: ToEngine) => {
  if (message.kind === 'diff') return void diff(message);
  waiting.get(message.id)?.(message);
  waiting.delete(message.id);
});
// The worker is gone: nobody waits for an answer.
process.on('disconnect', () => process.exit(0));
