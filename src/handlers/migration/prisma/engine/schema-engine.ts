/**
 * Prisma's schema engine, seen from the worker: scripts that lead from one state of the schema to another. It runs in a child
 * process with a process group of its own, is answered queries about one database, and is ended with the operation.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { FaberError } from '../../../../contract/failure.js';
import { redactor } from '../../../redact.js';
import { ScriptError, type Session } from '../../../database/contract.js';
import type { EngineProvider, FromEngine, SchemaFile, SchemaState, ToEngine } from './messages.js';

/** A schema of hundreds of tables takes seconds. */
const TIMEOUT_MS = 120_000;
/** What a review can hold, and more than any migration ever was. */
const MAX_SCRIPT = 4 * 1024 * 1024;
const MAX_MESSAGE = 1_500;

export interface EngineContext {
  /** In the database that stands for the state `database`. Only queries go through it. */
  session: Session;
  /** Of the datamodel's unqualified names. */
  schema: string;
  provider: EngineProvider;
  files: SchemaFile[];
  /** What must not appear in the engine's messages. */
  secrets: readonly string[];
  signal: AbortSignal;
}

export interface Engine {
  /** The script that leads from one state to the other; empty where they are the same. @throws FaberError plan_failed. */
  diff(from: SchemaState, to: SchemaState): Promise<string>;
}

/**
 * Runs `work` with an engine. Its process is gone when this returns.
 * @throws FaberError plan_failed with the engine's own words (a datamodel that is not valid), its end or its silence;
 *   the reason of the signal when aborted.
 */
export async function withSchemaEngine<T>(context: EngineContext, work: (engine: Engine) => Promise<T>): Promise<T> {
  context.signal.throwIfAborted();
  const child = start();
  try {
    return await work({ diff: (from, to) => ask(child, context, from, to) });
  } finally {
    await end(child);
  }
}

function start(): ChildProcess {
  // Without our environment: what this process does not know it cannot tell. Nor does it write anywhere: it speaks by the channel.
  const child = fork(childFile(), [], { detached: true, env: { NODE_ENV: 'production' }, execArgv: [], serialization: 'advanced', stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  // An unhandled one would end the worker; `ask` sees that it has no process.
  child.on('error', () => {});
  return child;
}

/** Tests run the sources, and Node runs what is built of them. */
function childFile(): string {
  const built = import.meta.url.endsWith('.ts') ? '../../../../../dist/src/handlers/migration/prisma/engine/child.js' : 'child.js';
  return fileURLToPath(new URL(built, import.meta.url));
}

async function ask(child: ChildProcess, context: EngineContext, from: SchemaState, to: SchemaState): Promise<string> {
  const { files, provider, schema, session, signal } = context;
  signal.throwIfAborted();
  if (child.pid === undefined) throw stopped('its process could not be started');
  const over = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const said = new Promise<string>((resolve, reject) => {
    child.on('message', (message: FromEngine) => {
      if (message.kind === 'query') void answer(child, session, message);
      else if (message.kind === 'failed') reject(engineFailure(message, context.secrets));
      else if (message.script.length > MAX_SCRIPT) reject(stopped('its script is longer than 4 MiB'));
      else resolve(message.script);
    });
    child.once('exit', (code, name) => reject(stopped(`its process ended (${name ?? `exit code ${code}`})`)));
    over.addEventListener('abort', () => reject(signal.aborted ? (signal.reason as Error) : stopped(`it did not answer within ${TIMEOUT_MS / 1000} s`)), { once: true });
  });
  send(child, { kind: 'diff', from, to, files, schema, provider });
  return said.finally(() => child.removeAllListeners('message').removeAllListeners('exit'));
}

async function answer(child: ChildProcess, session: Session, { id, sql, parameters }: Extract<FromEngine, { kind: 'query' }>): Promise<void> {
  try {
    send(child, { kind: 'rows', id, ...(await session.queryTyped(sql, parameters)) });
  } catch (error) {
    const failure = error instanceof ScriptError ? error.failure : { sqlState: null, message: 'the query could not be run' };
    send(child, { kind: 'refused', id, sqlState: failure.sqlState, message: failure.message });
  }
}

/** A process that has ended meanwhile is told by its `exit`. */
function send(child: ChildProcess, message: ToEngine): void {
  if (child.connected) child.send(message, () => {});
}

/** Nothing is worth waiting for: the engine changes nothing, so its group is killed. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
  await gone;
}

/** Prisma's code for a datamodel that is not valid. */
const NOT_VALID = 'P1012';

function engineFailure({ code, message }: Extract<FromEngine, { kind: 'failed' }>, secrets: readonly string[]): FaberError {
  const words = redactor(secrets)(withoutTrace(message)).slice(0, MAX_MESSAGE);
  if (code !== NOT_VALID) return stopped(words);
  return new FaberError({
    code: 'plan_failed',
    message: `Prisma's engine refuses the schema (${code}): ${words}\nNothing was written.`,
    suggestions: ['Mend the schema: `npx prisma validate` in the project says the same'],
  });
}

/** The engine's words end where the frames of its own code begin. */
const withoutTrace = (message: string) => stripVTControlCharacters(message).replace(/\n\s+\d+: schema_engine[\s\S]*$/, '').trim();

function stopped(why: string): FaberError {
  return new FaberError({ code: 'plan_failed', message: `Prisma's engine gave no script: ${why}. Nothing was written.`, suggestions: ['Try again; if it happens again, write the migration by hand'] });
}
