/** `faber-db init`: writes a config from what the project tells, and asks what it does not. */
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { FaberError } from '../../contract/failure.js';
import { MigrationTool, Provider } from '../../contract/settings.js';
import { shellWord } from '../../contract/shell-word.js';
import { configOf, judge, provideSchema, requireNone, writeConfig } from '../init/config.js';
import { answersFor, type Answers, type Given } from '../init/interview.js';
import { printable } from '../terminal-text.js';
import { defaultWorkingDirectory } from '../working-directory.js';
import { ask } from './ask.js';
import { isInteractive, printJson, sayTo, type Io } from './io.js';

interface InitOptions extends Omit<Given, 'environments'> {
  environments?: string;
  workingDirectory?: string;
  yes?: boolean;
  force?: boolean;
  json?: boolean;
}

export function addInit(program: Command, io: Io, done: (exitCode: number) => void): void {
  program
    .command('init')
    .summary('write a config for this project')
    .option('--environments <names>', 'comma-separated (default: dev,staging,production)')
    .addOption(new Option('--tool <tool>', 'instead of what the project tells').choices(MigrationTool.options))
    .addOption(new Option('--provider <provider>', 'instead of what the project tells').choices(Provider.options))
    .option('--yes', 'ask nothing: take the defaults where the project tells nothing')
    .option('--force', 'write over a config that is there')
    .option('--working-directory <path>', 'the project (default: CLAUDE_DB_CWD, the git root, here)')
    .option('--json', 'print one JSON object on stdout; asks nothing')
    .action(async (options: InitOptions) => {
      await init(io, options);
      done(0);
    });
}

async function init(io: Io, options: InitOptions): Promise<void> {
  const directory = resolve(options.workingDirectory ?? defaultWorkingDirectory(io.env));
  if (!options.force) requireNone(directory);
  const asking = isInteractive(io) && !options.yes && !options.json;
  const environments = options.environments?.split(',').map((name) => name.trim());
  const given: Given = {
    ...(options.tool ? { tool: options.tool } : {}), ...(options.provider ? { provider: options.provider } : {}), ...(environments ? { environments } : {}),
  };
  const answers = await answersFor(directory, given, asking ? (question) => answered(io, question) : null, options.yes === true);
  const remarks = judge(configOf(answers, './config.schema.json'), directory);
  const config = configOf(answers, await provideSchema(directory));
  const path = await writeConfig(directory, config, options.force === true);
  const next = nextCommands(io, directory, answers);
  if (options.json) printJson(io, answerOf(path, String(config['$schema']), answers, remarks, next));
  else sayTo(io.stdout, textOf(path, answers, remarks, next));
}

/** @throws FaberError cancelled: a person who presses Ctrl-C wants no config. */
async function answered(io: Io, question: string): Promise<string> {
  const answer = await ask(io, question);
  if (io.signal.aborted) throw new FaberError({ code: 'cancelled', message: 'Cancelled. Nothing was written' });
  return answer;
}

/** They run as printed, where this one ran. */
function nextCommands(io: Io, directory: string, { environments }: Answers): { dev: string; preview: string } {
  const elsewhere = directory === defaultWorkingDirectory(io.env) ? '' : ` --working-directory ${shellWord(directory)}`;
  return { dev: `${io.invokedAs} dev`, preview: `${io.invokedAs} preview ${shellWord(environments[0]!.name)}${elsewhere}` };
}

function answerOf(path: string, $schema: string, answers: Answers, remarks: string[], next: { dev: string; preview: string }): unknown {
  const { tool, provider, schema, environments, migrations } = answers;
  return {
    status: 'success', operation: 'init',
    result: {
      config: path, $schema, tool, provider, schema, migrations_directory: migrations.directory, variables: environments.map(({ variable }) => variable),
      environments: Object.fromEntries(environments.map(({ name, variable }) => [name, variable])), warnings: remarks, next: Object.values(next),
    },
    message: `Wrote ${path}`,
  };
}

function textOf(path: string, { found, environments }: Answers, remarks: string[], next: { dev: string; preview: string }): string {
  const width = Math.max(...environments.map(({ name }) => name.length));
  const variables = environments.flatMap(({ variable, direct }) => [variable, ...(direct ? [direct] : [])]);
  return [
    `Wrote ${path} (${printable(found)})`,
    ...environments.map(({ name, variable, direct }) => `  ${name.padEnd(width)}  ${variable}${direct ? `, around a pooler ${direct}` : ''}`),
    ...remarks.map((remark) => `Note: ${printable(remark)}`),
    '',
    'Next:',
    `  Where the worker will run, set ${[...new Set(variables)].join(', ')}. Then start a Temporal server and a worker for development:`,
    `    ${next.dev}`,
    '  In another terminal, see what a migrate would do:',
    `    ${next.preview}`,
  ].join('\n');
}
