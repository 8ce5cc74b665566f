/** Long-running children of the development tools: each leads a process group of its own and is ended as a group. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';

export interface GroupProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves when the process is gone; never rejects. */
  readonly closed: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Sends `signal` to the leader, waits `graceMs`, then SIGKILLs the whole group. Resolves when the leader is gone. Idempotent. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
  /** Lets the process outlive this one. */
  leaveRunning(): void;
}

const running = new Set<GroupProcess>();
let exitHooked = false;

/**
 * Starts a child as the leader of a process group. It is killed when this process exits without having stopped it.
 * @throws Error when the program cannot be started.
 */
export async function startGroup(command: string, args: readonly string[], options: SpawnOptions): Promise<GroupProcess> {
  const child = spawn(command, [...args], { ...options, detached: true });
  const closed = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid as number;
  const group: GroupProcess = {
    pid,
    child,
    closed,
    async stop(signal = 'SIGTERM', graceMs = 10_000) {
      if (!running.has(group)) return void (await closed);
      child.kill(signal);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, graceMs, 'late')));
      await Promise.race([closed, late]);
      clearTimeout(timer);
      killGroup(pid);
      await closed;
      running.delete(group);
    },
    leaveRunning() {
      running.delete(group);
      child.unref();
    },
  };
  running.add(group);
  if (!exitHooked) {
    exitHooked = true;
    process.on('exit', () => {
      for (const one of running) killGroup(one.pid);
    });
  }
  return group;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // Nobody left in the group: what we wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
