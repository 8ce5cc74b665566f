/** Where a project keeps its migrations, by Prisma's own rules. Nothing of the project is executed. */
import { stat, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FaberError } from '../../../contract/failure.js';
import type { Settings } from '../../../contract/settings.js';
import { requireAllowed } from '../../allowed-roots.js';
import { findPrismaVersion, readJson } from './version.js';

/**
 * The folder of the migrations. A folder set in our config wins, unless it is Prisma's own default (which says nothing);
 * then `migrations.path` and `schema` of prisma.config, `prisma.schema` of package.json, and the usual places.
 * @throws FaberError plan_failed when there is none, or when prisma.config computes it; config_invalid when the project leads
 *   outside the folders that this worker may use (FABER_DB_ROOTS).
 */
export async function findMigrations(settings: Settings, variables: NodeJS.ProcessEnv): Promise<string> {
  return existingFolder(await migrationsPlace(settings, variables));
}

/** Where that folder is, or would be made by a project's first migration. @throws FaberError as `findMigrations`. */
export async function migrationsPlace(settings: Settings, variables: NodeJS.ProcessEnv): Promise<string> {
  const place = await wherePrismaLooks(settings, variables);
  await requireAllowed(place, 'The folder of the migrations', 'config_invalid', variables);
  return place;
}

async function wherePrismaLooks(settings: Settings, variables: NodeJS.ProcessEnv): Promise<string> {
  const root = settings.working_directory;
  const configured = resolve(root, settings.migrations.directory);
  const usual = join(root, 'prisma', 'migrations');
  if (configured !== usual) return configured;
  const config = await readPrismaConfig(root);
  if (config?.migrations) return config.migrations;
  const schema = config?.schema ?? (await packageSchema(root)) ?? (await usualSchema(root));
  if (schema === null) return usual;
  await requireAllowed(schema, 'The Prisma schema', 'config_invalid', variables);
  const candidates = (await isFolder(schema))
    ? [join(schema, 'migrations'), join(dirname(schema), 'migrations')]
    : [join(dirname(schema), 'migrations')];
  for (const candidate of candidates) if (await isFolder(candidate)) return candidate;
  return candidates[0]!;
}

/**
 * The project's datamodel: a file, or a folder of files. As Prisma finds it, else beside the migrations.
 * @throws FaberError plan_failed when there is none; config_invalid outside FABER_DB_ROOTS.
 */
export async function findSchema(settings: Settings, migrations: string, variables: NodeJS.ProcessEnv): Promise<string> {
  const root = settings.working_directory;
  const named = (await readPrismaConfig(root))?.schema ?? (await packageSchema(root));
  const beside = join(dirname(migrations), 'schema.prisma');
  const found = named ?? (await usualSchema(root)) ?? beside;
  await requireAllowed(found, 'The Prisma schema', 'config_invalid', variables);
  if (await stat(found).then(() => true, () => false)) return found;
  throw new FaberError({
    code: 'plan_failed',
    message: `There is no Prisma schema at ${found}. Nothing was written.`,
    suggestions: ['Name it in prisma.config (`schema`) or in package.json (`prisma.schema`), or check working_directory.'],
  });
}

/** A missing folder is an error: "nothing to do" would hide a wrong path. */
async function existingFolder(folder: string): Promise<string> {
  if (await isFolder(folder)) return folder;
  throw new FaberError({
    code: 'plan_failed',
    message: `There is no migrations folder at ${folder}. Nothing was changed.`,
    suggestions: ['Set migrations.directory in the faber-db config, or check working_directory.'],
  });
}

const CONFIG_FILES = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].flatMap((ending) => [`prisma.config.${ending}`, `.config/prisma.${ending}`]);

interface PrismaConfig { schema: string | null; migrations: string | null }

/** `schema` and `migrations.path` of prisma.config, read as text: running it would run the project's code on the worker. */
async function readPrismaConfig(root: string): Promise<PrismaConfig | null> {
  const config = await readConfigText(root);
  if (config === null) return null;
  const { code, file } = config;
  const inMigrations = /\bmigrations['"]?\s*:\s*\{([^}]*)\}/.exec(code)?.[1] ?? '';
  const outside = code.replace(/\bmigrations['"]?\s*:\s*\{[^}]*\}/, '');
  const at = (value: string | null) => (value === null ? null : resolve(root, value));
  return { schema: at(pathOf('schema', outside, file)), migrations: at(pathOf('path', inMigrations, file)) };
}

/** prisma.config without its comments, and where it is; null where there is none. */
export async function readConfigText(root: string): Promise<{ file: string; code: string } | null> {
  for (const name of CONFIG_FILES) {
    const file = join(root, name);
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text !== null) return { file, code: withoutComments(text) };
  }
  return null;
}

/** Comments out, but not a `//` inside a string (a URL). */
function withoutComments(code: string): string {
  return code.replace(/("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, text: string | undefined) => text ?? ' ');
}

/** A string, or `path.join(…)` of strings. @throws FaberError plan_failed for anything computed. */
function pathOf(key: string, code: string, file: string): string | null {
  const property = new RegExp(`(?:^|[{,\\s])['"]?${key}['"]?\\s*:\\s*(.*)`).exec(code)?.[1];
  if (property === undefined) return null;
  const plain = /^(['"`])([^'"`$]*)\1\s*(?:,|\}|$)/.exec(property)?.[2];
  if (plain !== undefined) return plain;
  const parts = /^(?:path\.)?(?:join|resolve)\(\s*((?:__dirname\s*,\s*)?(?:['"`][^'"`$]*['"`]\s*,?\s*)+)\)/.exec(property)?.[1];
  if (parts !== undefined) return join(...[...parts.matchAll(/['"`]([^'"`]*)['"`]/g)].map((match) => match[1]!));
  throw new FaberError({
    code: 'plan_failed',
    message: `${file} computes \`${key}\`, and faber-db does not run it. Nothing was changed.`,
    suggestions: ['Set migrations.directory in the faber-db config to the folder of the migrations.'],
  });
}

async function packageSchema(root: string): Promise<string | null> {
  const prisma = (await readJson(join(root, 'package.json')))?.prisma as { schema?: unknown } | undefined;
  return typeof prisma?.schema === 'string' ? resolve(root, prisma.schema) : null;
}

async function usualSchema(root: string): Promise<string | null> {
  for (const place of ['schema.prisma', 'prisma/schema.prisma', 'prisma/schema']) {
    if (await stat(join(root, place)).then(() => true, () => false)) return join(root, place);
  }
  return null;
}

const isFolder = (path: string) => stat(path).then((found) => found.isDirectory(), () => false);

/**
 * The folder that `file:./dev.db` starts from: up to Prisma 6 that of the schema, from 7 on that of prisma.config, which the
 * URL stands in. @throws FaberError as `findMigrations`
 */
export async function databaseFolder(settings: Settings, variables: NodeJS.ProcessEnv = process.env): Promise<string> {
  const root = settings.working_directory;
  const config = await readConfigText(root);
  const { major } = await findPrismaVersion(root);
  if ((major ?? 7) >= 7) return config === null ? root : dirname(config.file);
  const schema = (await readPrismaConfig(root))?.schema ?? (await packageSchema(root)) ?? (await usualSchema(root));
  if (schema === null) return join(root, 'prisma');
  await requireAllowed(schema, 'The Prisma schema', 'config_invalid', variables);
  return (await isFolder(schema)) ? schema : dirname(schema);
}
