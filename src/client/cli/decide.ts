/** `faber-db decide`: the way out after a failure that waits for a person. */
import { Argument, type Command } from 'commander';
import { WayOut } from '../../contract/response.js';
import { requester } from '../requester.js';
import { shellWord } from '../../contract/shell-word.js';
import { printJson, sayTo, type Io } from './io.js';
import { connectionFlags, resolveOption, signingKey, withClient, withConnection, withDecider, withJson, withSignature, type ConnectionFlags, type Resolutions } from './options.js';

interface DecideOptions extends ConnectionFlags {
  by?: string;
  comment?: string;
  resolve?: Resolutions;
  json?: boolean;
  sign?: string;
}

export function addDecide(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('decide <id>')
    .addArgument(new Argument('<choice>', 'the way out').choices(WayOut.options))
    .summary('choose the way out after a failure: retry, undo, restore or accept')
    .addOption(resolveOption());
  withConnection(withJson(withSignature(withDecider(command)))).action(async (id: string, choice: WayOut, options: DecideOptions) => {
    const { by, comment, resolve } = options;
    const signature = await signingKey(io, options.sign);
    const recorded = await withClient(io, options, (client) =>
      client.resolve(id, { choice, by: requester(by, io.env), ...(comment === undefined ? {} : { comment }), ...(resolve === undefined ? {} : { resolve }), ...signature }),
    );
    if (options.json) printJson(io, { status: 'success', result: recorded, message: `${choice} recorded` });
    else sayTo(io.stdout, `Decided: ${choice}. What it does:  ${io.invokedAs} watch ${shellWord(id)}${connectionFlags(options)}`);
    done(0);
  });
}
