/** Processes are used again: starting one takes longer than most of what it is asked. */
import { SqliteProcess } from './process.js';

const MOST_IDLE = 2;
const IDLE_MS = 15_000;

const idle: { process: SqliteProcess; timer: NodeJS.Timeout }[] = [];

export function borrow(): SqliteProcess {
  for (let next = idle.pop(); next !== undefined; next = idle.pop()) {
    clearTimeout(next.timer);
    if (!next.process.gone) return next.process;
  }
  return new SqliteProcess();
}

/** Only one whose connections are closed. */
export function giveBack(process: SqliteProcess): void {
  if (process.gone) return;
  if (idle.length >= MOST_IDLE) return void process.kill();
  const timer = setTimeout(() => {
    idle.splice(idle.findIndex((one) => one.process === process), 1);
    void process.kill();
  }, IDLE_MS);
  timer.unref();
  idle.push({ process, timer });
}
