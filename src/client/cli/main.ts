/** The command line: one file a command, all of them over the public client. */
import { readFileSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { FaberError } from '../../contract/failure.js';
import { errorResponse, exitCodeOf } from '../error-response.js';
import { printAnswer } from './answers.js';
import { addApproveAndReject } from './approve.js';
import { addBackup } from './backup.js';
import { addCancel } from './cancel.js';
import { addCleanup } from './cleanup.js';
import { addDecide } from './decide.js';
import { addDev } from './dev.js';
import { addGenerateMigration } from './generate-migration.js';
import { addHealthCheck } from './health-check.js';
import { addInit } from './init.js';
import { addInitializeDatabase } from './initialize-database.js';
import { invokedAs, type Io } from './io.js';
import { addList } from './list.js';
import { addListBackups } from './list-backups.js';
import { addMigrate } from './migrate.js';
import { addPhase } from './phase.js';
import { addPreview } from './preview.js';
import { addReset } from './reset.js';
import { addRestore } from './restore.js';
import { addRollback } from './rollback.js';
import { addRollbackTo } from './rollback-to.js';
import { addRun } from './run.js';
import { addSchedule } from './schedule.js';
import { addSeed } from './seed.js';
import { addStatus } from './status.js';
import { addVerify } from './verify.js';
import { addWatch } from './watch.js';
import { addWorker } from './worker.js';

function version(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    const file = join(at, 'package.json');
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  }
  return 'unknown';
}

function buildProgram(io: Io, done: (exitCode: number) => void): Command {
  const program = new Command('faber-db')
    .description('Database operations that are approved as the exact plan that runs, backed up first, and undone by themselves when they fail.')
    .version(version())
    .showSuggestionAfterError()
    .showHelpAfterError('(--help shows how it is called)')
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .exitOverride();
  program.commandsGroup('Operations:');
  for (const add of [addRun, addInitializeDatabase, addMigrate, addPreview, addRollback, addRollbackTo, addRestore, addSeed, addReset, addBackup, addGenerateMigration, addStatus, addHealthCheck, addListBackups, addVerify, addCleanup, addPhase]) add(program, io, done);
  program.commandsGroup('Decisions and overview:');
  for (const add of [addApproveAndReject, addDecide, addWatch, addList, addCancel, addSchedule]) add(program, io, done);
  program.commandsGroup('Set up and run:');
  addInit(program, io, done);
  addWorker(program, done);
  addDev(program, done);
  return program;
}

/** Whoever reads JSON gets JSON, also for a command line that is wrong. */
function wantsJson(argv: readonly string[]): boolean {
  return argv[0] === 'run' || argv.includes('--json');
}

/**
 * Runs one command line.
 * @param argv the words after the program's name
 * @returns the exit code; nothing is thrown
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(io, (code) => (exitCode = code));
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      // commander has told people on stderr already.
      if (wantsJson(argv)) printAnswer(io, errorResponse(usageError(error)), true);
      return 1;
    }
    const response = errorResponse(error);
    printAnswer(io, response, wantsJson(argv));
    return exitCodeOf(response);
  }
}

function usageError(error: CommanderError): FaberError {
  return new FaberError({ code: 'invalid_request', message: error.message.replace(/^error: /, ''), suggestions: ['faber-db --help shows the commands and their options'] });
}

/** Runs the command line of this process. Ctrl-C ends a wait, never the operation that is waited for. */
export async function mainOfProcess(): Promise<void> {
  const ended = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ended.abort());
  process.exitCode = await main(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    invokedAs: invokedAs(process.argv[1], process.env),
    signal: ended.signal,
  });
  // A pipe that was never closed would hold the process open.
  process.stdin.destroy();
}
