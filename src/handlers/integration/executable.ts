/** A plugin that is a program: one document on stdin, the answer on stdout. No shell, no arguments. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { requireAllowed } from '../allowed-roots.js';
import { runChild, type ChildEnd } from '../child.js';
import { redactor } from '../redact.js';
import { type Limits, PluginFailed, type PluginPlace } from './contract.js';

/** What a plugin is told of the worker's environment. Credentials of databases are not among it: a plugin needs none. */
const HANDED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG'];
/** For what whoever runs the worker wants a plugin to know. */
const OWN_PREFIX = 'FABER_DB_PLUGIN_';
const SHOWN_STDERR = 300;
/** Shorter values match by chance: masked, they would make messages unreadable and hide nothing. */
const SECRET_FROM = 6;

/**
 * A path (with a slash) begins in the working directory and must lie in FABER_DB_ROOTS where that is set; a name without a slash is
 * looked up on the worker's PATH, which whoever runs the worker answers for.
 * @throws PluginFailed
 */
export async function runExecutable({ plugin, working_directory }: PluginPlace, document: string, limits: Limits, env: NodeJS.ProcessEnv): Promise<string> {
  const isPath = plugin.includes('/');
  const file = isPath ? resolve(working_directory, plugin) : plugin;
  if (isPath) await refuseOutside(file, env);
  const end = await runChild({
    file,
    cwd: await folder(working_directory),
    env: environmentOf(env),
    input: `${document}\n`,
    timeoutMs: limits.timeoutMs,
    ...(limits.answerBytes === null ? {} : { stdout: { first: limits.answerBytes } }),
    ...(limits.signal ? { signal: limits.signal } : {}),
  });
  const failed = failureOf(plugin, { ...end, stderr: redactor(handedSecrets(env))(end.stderr) }, limits);
  if (failed !== null) throw failed;
  return end.stdout;
}

async function refuseOutside(file: string, env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await requireAllowed(file, 'The plugin', 'config_invalid', env);
  } catch (error) {
    throw new PluginFailed('not_allowed', `${(error as Error).message}; name a program on the worker's PATH instead`, { cause: error });
  }
}

/** The checkout may be gone by the time that a record is delivered. */
async function folder(workingDirectory: string): Promise<string> {
  const there = await stat(workingDirectory).catch(() => null);
  return there?.isDirectory() === true ? workingDirectory : '/';
}

function environmentOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = Object.keys(env).filter((name) => HANDED_ON.includes(name) || name.startsWith(OWN_PREFIX));
  return Object.fromEntries(names.map((name) => [name, env[name]!]));
}

/** What a plugin is handed may be a credential of its own, and what it complains of may quote it. */
function handedSecrets(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value]) => (name.startsWith(OWN_PREFIX) && value !== undefined && value.length >= SECRET_FROM ? [value] : []));
}

function failureOf(plugin: string, end: ChildEnd, limits: Limits): PluginFailed | null {
  const last = end.stderr.trimEnd().split('\n').at(-1)?.trim().slice(0, SHOWN_STDERR);
  const said = last ? `; it says: ${last}` : '';
  if (end.notStarted !== null) return new PluginFailed('not_started', `The plugin ${plugin} could not be started (${end.notStarted}): is it on the worker, and executable?`);
  if (end.timedOut) return new PluginFailed('timeout', `The plugin ${plugin} took longer than ${limits.timeoutMs / 1000} s and was ended${said}`);
  if (end.tooMuchOutput) return new PluginFailed('too_much_output', `The plugin ${plugin} answered more than ${limits.answerBytes} bytes and was ended`);
  if (end.code === null) return new PluginFailed('ended_by_signal', `The plugin ${plugin} was ended by ${end.signal}${said}`);
  if (end.code !== 0) return new PluginFailed('exit_code', `The plugin ${plugin} exited with code ${end.code}${said}`);
  return null;
}
