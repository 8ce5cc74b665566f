/**
 * One run of a program of somebody else: a plugin, a project's test command. It leads a process group, and nobody of that group
 * outlives the run; what it prints is bounded; it sees of our environment only what it is given.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** How long a program may take over SIGTERM before its group gets SIGKILL. */
const TERM_MS = 2_000;
/** The end of stderr says why a program stopped. */
const STDERR_BYTES = 16 * 1024;

/** Descriptor 3 is a pipe that only we hold open: at its end nobody is left to end the group, so a watcher in it does. A channel may be at 4. */
export const WATCHED = '(read -r _ <&3; kill -s KILL -- -$$) >/dev/null 2>&1 </dev/null 4<&- & exec 3<&-; exec "$@"';

export interface ChildRun {
  file: string;
  args?: readonly string[];
  cwd: string;
  /** The whole environment of the program. */
  env: Readonly<Record<string, string>>;
  /** Written to stdin, which is then closed. Without it stdin is empty. */
  input?: string;
  timeoutMs: number;
  /** What becomes of stdout: the first or the last so many bytes are kept; with `first`, more than that ends the program. */
  stdout?: { first: number } | { last: number };
  /** Also when this process is killed and can end nothing any more. What it leads to is started by a shell then: exit 126 and 127 mean not started. */
  diesWithUs?: boolean;
  /** Ends the program early. */
  signal?: AbortSignal;
}

/** How it ended: facts as fields. */
export interface ChildEnd {
  /** Null: ended by a signal, or never started. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Why it could not be started (ENOENT, EACCES …). */
  notStarted: string | null;
  timedOut: boolean;
  tooMuchOutput: boolean;
  stdout: string;
  /** The end of it. */
  stderr: string;
}

/**
 * Runs a program to its end, or ends it. Resolves when its whole process group is gone.
 * @throws the reason of the signal when aborted
 */
export async function runChild(run: ChildRun): Promise<ChildEnd> {
  run.signal?.throwIfAborted();
  const args = [...(run.args ?? [])];
  const [file, words] = run.diesWithUs ? ['/bin/sh', ['-c', WATCHED, 'sh', run.file, ...args]] : [run.file, args];
  const child = spawn(file, words, {
    cwd: run.cwd, env: run.env, detached: true,
    stdio: [run.input === undefined ? 'ignore' : 'pipe', run.stdout === undefined ? 'ignore' : 'pipe', 'pipe', ...(run.diesWithUs ? ['pipe' as const] : [])],
  });
  let timedOut = false;
  let tooMuchOutput = false;
  let killTimer: NodeJS.Timeout | undefined;
  const end = () => {
    killGroup(child, 'SIGTERM');
    killTimer ??= setTimeout(() => killGroup(child, 'SIGKILL'), TERM_MS);
  };
  const stdout = collect(child.stdout, run.stdout, () => {
    tooMuchOutput = true;
    end();
  });
  const stderr = collect(child.stderr, { last: STDERR_BYTES }, () => {});
  // A program that does not read its input is not wrong for that: its exit code says how it went.
  child.stdin?.on('error', () => {});
  child.stdin?.end(run.input);

  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, run.timeoutMs);
  run.signal?.addEventListener('abort', end);
  try {
    const exit = await exitOf(child);
    run.signal?.throwIfAborted();
    return { ...exit, timedOut, tooMuchOutput, stdout: stdout(), stderr: stderr() };
  } finally {
    clearTimeout(timer);
    clearTimeout(killTimer);
    run.signal?.removeEventListener('abort', end);
  }
}

/** Settles when the program is gone, everybody it left in its group was ended, and its pipes are closed. */
function exitOf(child: ChildProcess): Promise<Pick<ChildEnd, 'code' | 'signal' | 'notStarted'>> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, notStarted: (error as NodeJS.ErrnoException).code ?? 'unknown' });
    });
    let leftOpen: NodeJS.Timeout | undefined;
    child.once('exit', () => {
      // Whom it forked and left behind would hold the pipes open, and us with them; also who left the group.
      killGroup(child, 'SIGKILL');
      leftOpen = setTimeout(() => [child.stdout, child.stderr].forEach((stream) => stream?.destroy()), TERM_MS);
    });
    child.once('close', (code, signal) => {
      clearTimeout(leftOpen);
      resolve({ code, signal, notStarted: null });
    });
  });
}

function collect(stream: Readable | null, keep: ChildRun['stdout'], onOverflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  const most = keep === undefined ? 0 : 'first' in keep ? keep.first : keep.last;
  stream?.on('data', (chunk: Buffer) => {
    if (keep !== undefined && 'first' in keep && size + chunk.length > most) {
      onOverflow();
      return;
    }
    chunks.push(chunk);
    size += chunk.length;
    while (chunks.length > 1 && size - chunks[0]!.length >= most) size -= chunks.shift()!.length;
  });
  return () => Buffer.concat(chunks).subarray(keep !== undefined && 'last' in keep ? -most : 0).toString('utf8');
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // Nobody left in the group.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
