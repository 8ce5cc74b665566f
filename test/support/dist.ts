import { join } from 'node:path';
import { askForServer } from './ask.js';

let built: Promise<string> | undefined;

/** Absolute path of a file in dist, which is built first, once a run, when the sources are newer. @throws Error with what tsc said. */
export async function inDist(...path: string[]): Promise<string> {
  built ??= askForServer<string>('dist');
  return join(await built, ...path);
}
