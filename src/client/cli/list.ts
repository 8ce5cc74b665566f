/** `faber-db list`: the operations that Temporal knows. */
import type { Command } from 'commander';
import { printJson, sayTo, type Io } from './io.js';
import { positiveNumber, withClient, withConnection, withJson, type ConnectionFlags } from './options.js';
import { table } from './table.js';

interface ListCommandOptions extends ConnectionFlags {
  environment?: string;
  running?: boolean;
  limit?: number;
  json?: boolean;
}

async function list(io: Io, options: ListCommandOptions): Promise<void> {
  const operations = await withClient(io, options, (client) =>
    client.list({
      ...(options.environment === undefined ? {} : { environment: options.environment }),
      ...(options.running === undefined ? {} : { running: options.running }),
      ...(options.limit === undefined ? {} : { limit: options.limit }),
    }),
  );
  if (options.json) {
    printJson(io, { status: 'success', operation: 'list', result: { operations }, message: `${operations.length} operations` });
    return;
  }
  if (operations.length === 0) {
    sayTo(io.stdout, 'No operations.');
    return;
  }
  const rows = operations.map((o) => [o.workflow_id, o.operation, o.environment, o.phase?.replaceAll('_', ' ') ?? o.status, o.requested_by, o.started_at.slice(0, 19)]);
  sayTo(io.stdout, table(['ID', 'OPERATION', 'ENVIRONMENT', 'STATUS', 'ASKED BY', 'STARTED (UTC)'], rows));
}

export function addList(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('list')
    .summary('operations, newest first')
    .option('--environment <name>', 'only those of this environment')
    .option('--running', 'only those that have not ended')
    .option('--limit <number>', 'how many at most (50)', positiveNumber);
  withConnection(withJson(command)).action(async (options: ListCommandOptions) => {
    await list(io, options);
    done(0);
  });
}
