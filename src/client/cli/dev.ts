/** `faber-db dev`: a Temporal dev server and a worker in one command. */
import { InvalidArgumentError, type Command } from 'commander';
import type { DevOptions } from '../../dev/dev-command.js';

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) throw new InvalidArgumentError('must be a port, 0 to 65535');
  return value;
}

export function addDev(program: Command, done: (exitCode: number) => void): void {
  program
    .command('dev')
    .summary('a Temporal dev server and a worker, until Ctrl-C')
    .option('--port <port>', 'port of the Temporal server (7233)', port)
    .option('--ui-port <port>', 'port of the Web UI (8233)', port)
    .option('--headless', 'without the Web UI')
    .option('--database-file <path>', "keep Temporal's state in this SQLite file")
    .option('--task-queue <name>', 'what the worker polls (FABER_DB_TASK_QUEUE)')
    .action(async (options: DevOptions) => {
      const { runDev } = await import('../../dev/dev-command.js');
      done(await runDev(options));
    });
}
