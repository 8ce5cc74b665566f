/**
 * Child processes of a backup. Each gets its own process group and is ended as a group; a scope never returns while one
 * still runs. None of them sees more of our environment than it needs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** How long a child may take over SIGTERM before it gets SIGKILL. */
const TERM_MS = 2_000;
/** What is kept of stderr: the end says why a program stopped. */
const STDERR_BYTES = 16 * 1024;

export interface Program {
  /** For messages: pg_dump, zstd. */
  name: string;
  file: string;
  args: readonly string[];
  /** Added to the small environment that every child gets. Credentials go here, never in args. */
  env?: Readonly<Record<string, string>>;
}

/** How a child ended: facts as fields. */
export interface Exit {
  name: string;
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The end of its stderr; may hold row values, so only `complaint` may show it. */
  stderr: string;
}

export interface Running {
  readonly pid: number | undefined;
  /** Only where a pipe was asked for. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  /** Settles when the process is gone and its pipes are closed. Never rejects. */
  readonly exit: Promise<Exit>;
  /** Ends its process group and waits until it is gone. */
  end(): Promise<void>;
}

export type Start = (program: Program, stdin: 'ignore' | 'pipe', stdout: 'ignore' | 'pipe' | Writable) => Running;

/**
 * Runs `work`, which starts programs. On abort, and on the way out whatever happened, every program's group is ended
 * and awaited.
 * @throws the reason of the signal when aborted.
 */
export async function supervise<T>(signal: AbortSignal, work: (start: Start) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const all: Running[] = [];
  const endAll = () => Promise.all(all.map((running) => running.end()));
  const onAbort = () => void endAll();
  signal.addEventListener('abort', onAbort);
  try {
    return await work((program, stdin, stdout) => {
      const running = startProgram(program, stdin, stdout);
      all.push(running);
      return running;
    });
  } catch (error) {
    // What broke because we ended the programs is a symptom, the abort is the cause.
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await endAll();
  }
}

function startProgram(program: Program, stdin: 'ignore' | 'pipe', stdout: 'ignore' | 'pipe' | Writable): Running {
  const child = spawn(program.file, program.args, {
    detached: true,
    env: childEnvironment(program.env ?? {}),
    stdio: [stdin, stdout, 'pipe'],
  });
  // The reader now owns that end: while we hold a copy it would never see the end of its input.
  if (typeof stdout !== 'string') stdout.destroy();
  // A reader that dies early breaks this pipe; its exit code says so better.
  child.stdin?.on('error', () => {});
  const exit = exitOf(child, program.name);
  return { pid: child.pid, stdin: child.stdin, stdout: child.stdout, exit, end: () => endGroup(child, exit) };
}

function exitOf(child: ChildProcess, name: string): Promise<Exit> {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-STDERR_BYTES);
  });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ name, code: null, signal: null, stderr: `${name}: error: could not be started: ${(error as NodeJS.ErrnoException).code}` });
    });
    child.once('close', (code, signal) => resolve({ name, code, signal, stderr }));
  });
}

/** SIGTERM to the group, SIGKILL when it takes too long; returns when it is gone. */
async function endGroup(child: ChildProcess, exit: Promise<Exit>): Promise<void> {
  let closed = false;
  void exit.then(() => (closed = true));
  await Promise.resolve();
  if (closed || child.pid === undefined) return;
  child.stdin?.destroy();
  kill(child.pid, 'SIGTERM');
  const timer = setTimeout(() => kill(child.pid!, 'SIGKILL'), TERM_MS);
  await exit;
  clearTimeout(timer);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** English messages, and nothing inherited that could redirect a connection (PGSERVICE, PGOPTIONS …). */
function childEnvironment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { LC_ALL: 'C' };
  for (const name of ['PATH', 'HOME', 'TMPDIR'] as const) if (process.env[name] !== undefined) env[name] = process.env[name];
  return { ...env, ...extra };
}

export function succeeded(exit: Exit): boolean {
  return exit.code === 0;
}

/** A program that died of a broken pipe only shows that the one after it died. */
export function isEcho(exit: Exit): boolean {
  return exit.signal === 'SIGPIPE' || /broken pipe/i.test(exit.stderr);
}
