/** `faber-db generate-migration`: a migration and its down script of the schema's change. */
import type { Command } from 'commander';
import type { GenerateMigrationResult } from '../../contract/results.js';
import type { Response } from '../../contract/response.js';
import { shellWord } from '../../contract/shell-word.js';
import { printable } from '../terminal-text.js';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { connectionFlags, waitTimeout, withConnection, withDirectory, withJson } from './options.js';

const UNDO = { lossless: 'its down script loses nothing', lossy: 'its down script loses data', restore_only: 'only a restore undoes it' } as const;

/** @param apply the command that applies it, without the environment */
function generatedText(response: Response, apply: (environment: string) => string): string | undefined {
  if (response.status !== 'success') return undefined;
  const result = response.result as GenerateMigrationResult;
  if (!result.generated) return printable(response.message);
  return [
    printable(response.message),
    `  ${result.statements} statement${result.statements === 1 ? '' : 's'}, risk ${result.risk}; ${UNDO[result.undo ?? 'restore_only']}`,
    ...result.findings.map(({ level, line, message }) => `  ${level}${line === undefined ? '' : ` line ${line}`}: ${printable(message)}`),
    `Review and commit it. Apply it:  ${apply(response.environment ?? '')}`,
  ].join('\n');
}

export function addGenerateMigration(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('generate-migration <name>')
    .alias('generate')
    .summary('write a migration and its down script of what changed in the schema')
    .option('--environment <name>', 'on whose server the scripts are tried (default: the first development one of the config)')
    .option('--workflow-id <id>', 'a repeated start with this id joins the operation')
    .addOption(waitTimeout());
  withConnection(withJson(withDirectory(command))).action(async (name: string, options: OperateOptions & { environment?: string }) => {
    const { environment, workingDirectory } = options;
    const elsewhere = workingDirectory === undefined ? '' : ` --working-directory ${shellWord(workingDirectory)}`;
    const apply = (where: string) => `${io.invokedAs} migrate ${shellWord(where)}${elsewhere}${connectionFlags(options)}`;
    done(await operate(io, 'generate-migration', { name, ...(environment === undefined ? {} : { environment }) }, { ...options, render: (response) => generatedText(response, apply) }));
  });
}
