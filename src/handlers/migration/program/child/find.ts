/** Finds the project's own copy of a tool, and its config. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { Place } from '../messages.js';
import { Unusable } from './contract.js';

export interface FoundTool<T> {
  /** The tool's own require. */
  require: NodeJS.Require;
  version: string;
  exports: T;
}

/** @throws Unusable where it is not installed, or of another version */
export function findTool<T>(directory: string, name: string, title: string, supported: RegExp, wanted: string): FoundTool<T> {
  const project = createRequire(join(directory, 'package.json'));
  let place: string;
  try {
    place = project.resolve(name);
  } catch {
    throw new Unusable(`${title} is not installed in the project.`, ['Install what its package.json asks for: npm ci']);
  }
  const version = versionAbove(place, name);
  if (!supported.test(version)) throw new Unusable(`${title} ${version} is not supported.`, [`Use ${title} ${wanted} in this project`]);
  return { require: createRequire(place), version, exports: project(name) as T };
}

/** `exports` of a package may hide its package.json. */
function versionAbove(place: string, name: string): string {
  for (let at = dirname(place); at !== dirname(at); at = dirname(at)) {
    const file = join(at, 'package.json');
    if (!existsSync(file)) continue;
    const read = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
    if (read.name === name && read.version !== undefined) return read.version;
  }
  return 'of an unknown version';
}

/** @param usual relative to the project, the likeliest first. @throws Unusable */
export function findConfig({ directory, configFile }: Place, usual: readonly string[], what: string): string {
  const found = configFile ?? usual.map((path) => join(directory, path)).find((file) => existsSync(file));
  if (found !== undefined && existsSync(found)) return found;
  throw new Unusable(found === undefined ? `There is no ${what} in ${directory}.` : `There is no ${relative(directory, found)} in the project.`, ['Name it in the faber-db config: migrations.config_file']);
}
