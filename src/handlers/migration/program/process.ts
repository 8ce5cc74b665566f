/**
 * The process that runs a project's migrations, seen from the worker: one for each operation on them. It leads a process group, and nobody of it
 * outlives the run or the worker; what it prints is bounded; it sees of our environment only what it is given.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Begin, FromProgram, Moment, ToProgram } from './messages.js';

/** Descriptor 3 is a pipe that only the worker holds open: at its end the group is ended, also where a migration blocks the event loop. */
const WATCHED = '(read -r _ <&3; kill -s KILL -- -$$) >/dev/null 2>&1 </dev/null 4<&- & exec 3<&-; exec "$@"';
/** To load the project and reach the database. */
const START_SECONDS = 60;
/** A process that has said its last word ends by itself. */
const END_MS = 2_000;
const KEPT_BYTES = 64 * 1024;

export interface SentStatement { sql: string; connection: number; group: number; step: number; state: 'sent' | 'done' | 'failed' }

export interface Guest {
  /** A statement of ours in the tool's own connection. @throws Refused */
  query(sql: string, parameters: readonly unknown[]): Promise<Record<string, unknown>[]>;
}

/** The server refused a statement of ours. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(readonly failure: Extract<FromProgram, { kind: 'refused' }>['failure'], readonly sql: string) {
    super('refused');
  }
}

export interface ProgramRun {
  begin: Omit<Begin, 'kind'>;
  /** The whole environment of the process. */
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  /** Of one migration. */
  timeoutSeconds: number;
  /** @throws to end the run: the group's transaction is rolled back */
  visit: (visit: Visit, guest: Guest) => Promise<void>;
  /** Also told of a run that was aborted: what it sent until then decides what is left of it. */
  onEnd?: (end: ProgramEnd) => void;
}

/** Where a moment is, and what was sent until then. */
export interface Visit { moment: Moment; group: number; connection: number; statements: readonly SentStatement[] }

export type LastWord = Extract<FromProgram, { kind: 'done' | 'changed' | 'unusable' | 'failed' }>;

/** How it ended: facts as fields. */
export interface ProgramEnd {
  /** null: it ended without one. */
  word: LastWord | null;
  exit: string;
  timedOut: boolean;
  statements: SentStatement[];
  leftOut: { step: string; what: string }[];
  project: Extract<FromProgram, { kind: 'described' }>['project'] | null;
  made: string | null;
  scripts: Extract<FromProgram, { kind: 'difference' }>['scripts'] | null;
  /** The last of what it printed. It may hold anything. */
  output: string;
}

/**
 * Runs a job to its end. Its process group is gone when this returns; its sessions may not be.
 * @throws the reason of the signal when aborted; what `visit` throws
 */
export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  run.signal.throwIfAborted();
  const child = spawn('/bin/sh', ['-c', WATCHED, 'sh', process.execPath, childFile()], {
    cwd: run.begin.place.directory, env: { ...run.env }, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'ipc'],
  });
  return new Conversation(child, run).end();
}

/** Tests run the sources, and Node runs what is built of them. */
function childFile(): string {
  const built = import.meta.url.endsWith('.ts') ? '../../../../dist/src/handlers/migration/program/child/main.js' : 'child/main.js';
  return fileURLToPath(new URL(built, import.meta.url));
}

class Conversation {
  readonly #told: ProgramEnd = { word: null, exit: '', timedOut: false, statements: [], leftOut: [], project: null, made: null, scripts: null, output: '' };
  readonly #answers = new Map<number, (message: FromProgram) => void>();
  #asked = 0;
  #visitFailed: { error: unknown } | null = null;
  #timer: NodeJS.Timeout;
  #ending: NodeJS.Timeout | undefined;

  constructor(private readonly child: ChildProcess, private readonly run: ProgramRun) {
    this.#timer = this.#limit(START_SECONDS);
  }

  async end(): Promise<ProgramEnd> {
    const { child, run } = this;
    const output = [child.stdout, child.stderr].map((stream) => lastOf(stream));
    const kill = () => killGroup(child);
    run.signal.addEventListener('abort', kill);
    child.on('message', (message: FromProgram) => this.#hear(message));
    this.#say({ kind: 'begin', ...run.begin });
    try {
      this.#told.exit = await exitOf(child);
    } finally {
      clearTimeout(this.#timer);
      clearTimeout(this.#ending);
      run.signal.removeEventListener('abort', kill);
      // Who waits for an answer in vain must not wait for ever.
      for (const answer of this.#answers.values()) answer({ kind: 'done' });
    }
    const end = { ...this.#told, output: output.map((text) => text()).filter((text) => text !== '').join('\n') };
    run.onEnd?.(end);
    run.signal.throwIfAborted();
    if (this.#visitFailed) throw this.#visitFailed.error;
    return end;
  }

  #hear(message: FromProgram): void {
    const told = this.#told;
    if (message.kind === 'at') void this.#visit(message);
    else if (message.kind === 'rows' || message.kind === 'refused') this.#answers.get(message.id)?.(message);
    else if (message.kind === 'statement') told.statements[message.at] = { ...message, state: 'sent' };
    else if (message.kind === 'statement-end') told.statements[message.at]!.state = message.failed ? 'failed' : 'done';
    else if (message.kind === 'left-out') told.leftOut.push(message);
    else if (message.kind === 'described') told.project = message.project;
    else if (message.kind === 'made') told.made = message.file;
    else if (message.kind === 'difference') told.scripts = message.scripts;
    else {
      told.word = told.word === null || told.word.kind === 'done' ? message : told.word;
      this.#ending ??= setTimeout(() => killGroup(this.child), END_MS);
    }
  }

  async #visit({ moment, group, connection }: Extract<FromProgram, { kind: 'at' }>): Promise<void> {
    const { begin, timeoutSeconds, visit } = this.run;
    clearTimeout(this.#timer);
    try {
      await visit({ moment, group, connection, statements: this.#told.statements }, { query: (sql, parameters) => this.#query(sql, parameters) });
      const steps = begin.job.kind === 'run' ? (begin.job.groups[group]?.steps.length ?? 1) : 1;
      this.#timer = this.#limit(moment === 'before' ? timeoutSeconds * Math.max(steps, 1) : START_SECONDS);
      this.#say({ kind: 'proceed' });
    } catch (error) {
      this.#visitFailed ??= { error };
      this.#timer = this.#limit(START_SECONDS);
      this.#say({ kind: 'abandon' });
    }
  }

  async #query(sql: string, parameters: readonly unknown[]): Promise<Record<string, unknown>[]> {
    const id = ++this.#asked;
    const answer = await new Promise<FromProgram>((resolve) => {
      this.#answers.set(id, resolve);
      this.#say({ kind: 'query', id, sql, parameters: [...parameters] });
    });
    this.#answers.delete(id);
    if (answer.kind === 'rows') return answer.rows;
    throw new Refused(answer.kind === 'refused' ? answer.failure : { message: 'Connection terminated', fields: { severity: 'FATAL' } }, sql);
  }

  /** A process that has ended meanwhile is told by its exit. */
  #say(message: ToProgram): void {
    if (this.child.connected) this.child.send(message, () => {});
  }

  #limit(seconds: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#told.timedOut = true;
      killGroup(this.child);
    }, seconds * 1000);
  }
}

/** Settles when the process is gone, everybody it left in its group was ended, and its pipes are closed. */
function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let how = 'it could not be started';
    let leftOpen: NodeJS.Timeout | undefined;
    const over = () => {
      clearTimeout(leftOpen);
      resolve(how);
    };
    child.once('error', () => child.pid === undefined && over());
    child.once('exit', (code, signal) => {
      how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      killGroup(child);
      // Who left the group could hold the pipes open.
      leftOpen = setTimeout(() => [child.stdout, child.stderr].forEach((stream) => stream?.destroy()), END_MS);
    });
    child.once('close', over);
  });
}

function lastOf(stream: NodeJS.ReadableStream | null): () => string {
  let kept = Buffer.alloc(0);
  stream?.on('data', (chunk: Buffer) => (kept = Buffer.concat([kept, chunk]).subarray(-KEPT_BYTES)));
  return () => kept.toString('utf8');
}

/** Nothing is worth waiting for: what a transaction does not hold is told by what was sent. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
