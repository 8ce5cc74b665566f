/** Classes that a DataSource names, as classes or by patterns of files; found as TypeORM finds them. */
import { resolve } from 'node:path';
import { Unusable } from '../program/child/contract.js';

export type Constructor = (new () => object) & { name: string };
export type Given = readonly (string | Constructor)[] | Record<string, string | Constructor> | undefined;

interface Found { found: Constructor; file: string }

const FORMATS = /(?<!\.d)\.[cm]?[jt]s$/;

/** @param require the tool's own: its patterns mean what its own library for them says */
export async function expand(given: Given, require: NodeJS.Require, load: (file: string) => Promise<Record<string, unknown>>): Promise<Found[]> {
  const all: Found[] = [];
  for (const one of given === undefined ? [] : Object.values(given)) {
    if (typeof one !== 'string') all.push({ found: one, file: fileOf(one, require) });
    else for (const file of filesOf(one, require)) all.push(...classesIn(await load(file)).map((found) => ({ found, file })));
  }
  return [...new Map(all.map((one) => [one.found, one])).values()];
}

/** Classes among what a module exports, also in arrays and objects. */
export function classesIn(exported: unknown): Constructor[] {
  if (typeof exported === 'function') return [exported as Constructor];
  if (!(exported instanceof Object) && Object.prototype.toString.call(exported) !== '[object Module]') return [];
  if ((exported as Record<string, unknown>)['@instanceof'] === Symbol.for('EntitySchema')) return [exported as Constructor];
  return [...new Set(Object.values(exported as object).flatMap((value) => (typeof value === 'function' || Array.isArray(value) || isPlain(value) ? classesIn(value) : [])))];
}

const isPlain = (value: unknown) => value instanceof Object && (Object.getPrototypeOf(value) === Object.prototype || '@instanceof' in value);

function filesOf(pattern: string, require: NodeJS.Require): string[] {
  const normal = pattern.replaceAll('\\', '/');
  const found = libraryOf(require)(normal);
  return found.map((file) => resolve(file)).filter((file) => FORMATS.test(file)).sort();
}

/** 1 has tinyglobby, 0.3 glob. */
function libraryOf(require: NodeJS.Require): (pattern: string) => string[] {
  try {
    return (require('tinyglobby') as { globSync: (pattern: string) => string[] }).globSync;
  } catch {
    return (require('glob') as { sync: (pattern: string) => string[] }).sync;
  }
}

/** Where a class was loaded from: its file is compared before it runs. @throws Unusable */
function fileOf(wanted: Constructor, require: NodeJS.Require): string {
  const module = Object.values(require.cache).find((one) => one?.exports instanceof Object && Object.values(one.exports as object).includes(wanted));
  if (module) return module.filename;
  throw new Unusable(`The file of the class ${wanted.name} is not known: the DataSource names the class itself.`, ["Name its folder in the DataSource instead, for example migrations: ['src/migrations/*.ts']"]);
}
