/** `faber-db cancel`: asks an operation to stop. */
import type { Command } from 'commander';
import { shellWord } from '../../contract/shell-word.js';
import { printJson, sayTo, type Io } from './io.js';
import { connectionFlags, withClient, withConnection, withJson, type ConnectionFlags } from './options.js';

export function addCancel(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program.command('cancel <id>').summary('stop an operation; what it has changed is undone');
  withConnection(withJson(command)).action(async (id: string, options: ConnectionFlags & { json?: boolean }) => {
    await withClient(io, options, (client) => client.cancel(id));
    if (options.json) printJson(io, { status: 'success', result: { workflow_id: id }, message: 'cancel requested' });
    else sayTo(io.stdout, `Asked to stop. How it ends:  ${io.invokedAs} watch ${shellWord(id)}${connectionFlags(options)}`);
    done(0);
  });
}
