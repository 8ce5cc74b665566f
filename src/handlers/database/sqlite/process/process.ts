/** A process that holds SQLite connections, seen from the worker. It leads a process group, which dies with the worker. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { WATCHED } from '../../../child.js';
import type { Answer, Asked, ProcessFailure, Request } from './messages.js';

/** SQLite refused what was asked. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(readonly failure: ProcessFailure) {
    super(failure.message);
  }
}

/** The process is gone. */
export class Gone extends Error {
  override readonly name = 'Gone';
}

export type Rows = Extract<Answer, { rows: unknown }>;
type Waiting = { resolve: (rows: Rows) => void; reject: (error: Error) => void };

export class SqliteProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #asked = 0;
  #connections = 0;
  #gone = false;

  constructor() {
    // Nothing of our environment: what this process does not know it cannot tell.
    this.#child = spawn('/bin/sh', ['-c', WATCHED, 'sh', process.execPath, '--expose-gc', childFile()], {
      detached: true, env: { NODE_ENV: 'production' }, serialization: 'advanced', stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.on('error', () => this.#end());
    this.#child.on('message', (answer: Answer) => this.#hear(answer));
    this.#ended = once(this.#child, 'exit').then(() => this.#end(), () => this.#end());
    // The pipe that the watcher reads stays open as long as we are; it holds nobody up.
    (this.#child.stdio[3] as Duplex).on('error', () => {});
    (this.#child.stdio[3] as unknown as { unref(): void }).unref();
    this.#rest();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get gone(): boolean {
    return this.#gone;
  }

  newConnection(): number {
    return ++this.#connections;
  }

  /** @throws Refused, Gone */
  async ask(request: Request): Promise<Rows> {
    if (this.#gone || !this.#child.connected) throw new Gone('the process with the SQLite connections is gone');
    const id = ++this.#asked;
    this.#child.ref();
    this.#child.channel?.ref();
    try {
      return await new Promise<Rows>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#child.send({ ...request, id } satisfies Asked, () => {});
      });
    } finally {
      if (this.#waiting.size === 0) this.#rest();
    }
  }

  /** Ends it in the middle of whatever it does. Returns when its group is gone. */
  async kill(): Promise<void> {
    if (!this.#gone) killGroup(this.pid);
    await this.#ended;
  }

  /** A program may end while this waits for work. */
  #rest(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }

  #hear(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('failed' in answer) waiting?.reject(new Refused(answer.failed));
    else waiting?.resolve(answer);
  }

  #end(): void {
    if (this.#gone) return;
    this.#gone = true;
    killGroup(this.pid);
    for (const { reject } of this.#waiting.values()) reject(new Gone('the process with the SQLite connections ended'));
    this.#waiting.clear();
  }
}

/** The watcher of the group is left when the process itself has ended. */
function killGroup(pid: number): void {
  if (pid === 0) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Tests run the sources, and Node runs what is built of them. */
function childFile(): string {
  const built = import.meta.url.endsWith('.ts') ? '../../../../../dist/src/handlers/database/sqlite/process/child.js' : 'child.js';
  return fileURLToPath(new URL(built, import.meta.url));
}
