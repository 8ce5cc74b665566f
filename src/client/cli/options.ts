/** Options that several commands have. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { FaberClient } from '../client.js';
import { PASSPHRASE_VARIABLE, type PrivateKey, readPrivateKey } from '../sign.js';
import { shellWord } from '../../contract/shell-word.js';
import type { Io } from './io.js';

export interface ConnectionFlags {
  address?: string;
  namespace?: string;
  profile?: string;
  taskQueue?: string;
}

/** The API key has no option on purpose: arguments are visible to everyone on the host. */
export function withConnection(command: Command): Command {
  return command
    .optionsGroup('Connection:')
    .option('--address <host:port>', 'Temporal server (TEMPORAL_ADDRESS)')
    .option('--namespace <name>', 'Temporal namespace (TEMPORAL_NAMESPACE)')
    .option('--profile <name>', 'profile of the Temporal config file (TEMPORAL_PROFILE)')
    .option('--task-queue <name>', 'where workers take operations from (FABER_DB_TASK_QUEUE)');
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON object on stdout and nothing else there');
}

export function withDirectory(command: Command): Command {
  return command.option('--working-directory <path>', 'absolute path of the project on the worker (default: CLAUDE_DB_CWD, the git root, here)');
}

/** For a database without faber-db's marker: the refusal prints the option with the identity. */
export function withAdopt(command: Command): Command {
  return command.option('--adopt <identity>', 'this unmarked database is really that of the environment: mark it');
}

/** The parameter of `--adopt`, where it was given. */
export const adopted = ({ adopt }: { adopt?: string }): { adopt?: string } => (adopt === undefined ? {} : { adopt });

export function withDecider(command: Command): Command {
  return command
    .option('--by <name>', 'who decides (default: the actor of the CI, else you@host)')
    .option('--comment <text>', 'why; must hold the confirmation phrase where the config asks for one');
}

/** `--sign FILE`: a private key. Its passphrase has no option: arguments are visible to everyone on the host. */
export function withSignature(command: Command): Command {
  return command.option('--sign <key>', `sign the decision with the private key in this file (PEM or JWK; its passphrase: ${PASSPHRASE_VARIABLE})`);
}

export async function signingKey(io: Io, path: string | undefined): Promise<{ key?: PrivateKey }> {
  return path === undefined ? {} : { key: await readPrivateKey(path, io.env) };
}

/** Connects, does the work, and closes, whatever happens. */
export async function withClient<T>(io: Io, flags: ConnectionFlags, work: (client: FaberClient) => Promise<T>): Promise<T> {
  const { address, namespace, profile, taskQueue } = flags;
  const client = await FaberClient.connect({
    env: io.env,
    ...(address === undefined ? {} : { address }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(profile === undefined ? {} : { profile }),
    ...(taskQueue === undefined ? {} : { taskQueue }),
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** The connection options that were given, for printed commands; settings from the environment hold there anyway. */
export function connectionFlags({ address, namespace, profile }: ConnectionFlags): string {
  const given = { address, namespace, profile };
  return Object.entries(given)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => ` --${name} ${shellWord(value)}`)
    .join('');
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('must be a number above 0');
  return value;
}

export function waitTimeout(): Option {
  return new Option('--wait-timeout <seconds>', 'stop waiting after this long; the operation goes on').argParser(positiveNumber);
}

export type Resolutions = Record<string, 'applied' | 'rolled_back'>;

/** `--resolve NAME=applied`, any number of times. */
export function resolveOption(): Option {
  const collect = (text: string, before: Resolutions = {}): Resolutions => {
    const at = text.lastIndexOf('=');
    const value = text.slice(at + 1);
    if (at < 1 || (value !== 'applied' && value !== 'rolled_back')) throw new InvalidArgumentError('must be NAME=applied or NAME=rolled_back');
    return { ...before, [text.slice(0, at)]: value };
  };
  return new Option('--resolve <name=outcome>', 'what happened to a failed migration of another runner: applied or rolled_back').argParser(collect);
}

/** Part of the plan: a preview that is to have the same hash names it too. */
export const watchSeconds = (): Option =>
  new Option('--watch-seconds <n>', 'watch health for so long after the change, the lock kept, and undo when it turns unhealthy').argParser((text) => {
    const seconds = Number(text);
    if (Number.isInteger(seconds) && seconds >= 1) return seconds;
    throw new InvalidArgumentError('It must be a whole number of seconds.');
  });

export const watched = ({ watchSeconds: seconds }: { watchSeconds?: number }): { watch_seconds?: number } => (seconds === undefined ? {} : { watch_seconds: seconds });

/** The options that every guarded operation's command takes after its own. */
export function withGuard(command: Command, yes = 'approve by yourself; never where the environment is protected'): Command {
  const guarded = command
    .option('--yes', yes)
    .option('--workflow-id <id>', 'a repeated start with this id joins the operation')
    .addOption(waitTimeout());
  return withConnection(withJson(withDirectory(withAdopt(guarded))));
}
