/** Several databases with their projects and stores, served by one worker: starting one for each would cost seconds. */
import { randomBytes } from 'node:crypto';
import { createStack, type Stack, type StackOptions } from './stack.js';

/**
 * @param kinds by a name of the test's own, the options of each stack
 * @param way where the worker reaches a database, if not at its URL
 */
export async function createStacks<Name extends string>(
  kinds: Record<Name, StackOptions>, env: Record<string, string> = {}, way: (name: Name, url: string) => Promise<string> = (_name, url) => Promise.resolve(url),
): Promise<Record<Name, Stack>> {
  const taskQueue = `test-${randomBytes(5).toString('hex')}`;
  const names = Object.keys(kinds) as Name[];
  const stacks = await Promise.all(
    names.map((name) => createStack({ ...kinds[name], idle: true, taskQueue, urlVariable: variableOf(name) })),
  );
  const urls = Object.fromEntries(await Promise.all(stacks.map(async (stack, at) => [variableOf(names[at]!), await way(names[at]!, stack.database.url)] as const)));
  await stacks[0]!.startWorker({ ...urls, ...env });
  return Object.fromEntries(stacks.map((stack, at) => [names[at], stack])) as Record<Name, Stack>;
}

const variableOf = (name: string) => `URL_OF_${name.toUpperCase().replace(/\W/g, '_')}`;
