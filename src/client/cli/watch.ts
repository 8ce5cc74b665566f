/** `faber-db watch`: follows an operation until it ends or needs a person, and prints its answer. */
import type { Command } from 'commander';
import type { Io } from './io.js';
import { waitTimeout, withClient, withConnection, withJson } from './options.js';
import { printOutcome, type OutcomeOptions } from './outcome.js';

export function addWatch(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program.command('watch <id>').summary('follow an operation; exit codes as for run').addOption(waitTimeout());
  withConnection(withJson(command)).action(async (id: string, options: OutcomeOptions) => {
    done(await withClient(io, options, async (client) => printOutcome(io, await client.join(id), options)));
  });
}
