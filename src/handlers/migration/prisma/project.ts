/** Reads a project's migrations as the Prisma CLI would see them. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { FaberError } from '../../../contract/failure.js';
import { MigrationName } from '../../../contract/operation.js';
import type { Settings } from '../../../contract/settings.js';
import { requireAllowed } from '../../allowed-roots.js';
import type { Migration, Project } from '../contract.js';
import { allowedFolders, readInside } from './inside.js';
import { LEDGER_TABLE } from './ledger.js';
import { findMigrations } from './location.js';
import { byBytes, byLocale } from './order.js';
import { findPrismaVersion } from './version.js';

/**
 * Finds and reads the migrations, in the order in which Prisma applies them.
 * @param providers what migration_lock.toml may name
 * @throws FaberError plan_failed for a project that Prisma would refuse too (a migration without migration.sql, another
 *   provider in migration_lock.toml), for files outside the project and for text that is not UTF-8; unsupported for
 *   versions other than 5, 6 and 7; invalid_request and config_invalid for a project outside FABER_DB_ROOTS.
 */
export async function readProject(settings: Settings, providers: readonly string[], variables: NodeJS.ProcessEnv = process.env): Promise<Project> {
  // Another worker may have read the config: an environment can have a task queue of its own.
  await requireAllowed(settings.working_directory, 'working_directory', 'invalid_request', variables);
  const { version, major } = await findPrismaVersion(settings.working_directory);
  const folder = await findMigrations(settings, variables);
  const warnings: string[] = [];
  if (version === null) warnings.push('No Prisma found in the project: its migrations are read as Prisma 7 reads them.');
  if (settings.migrations.table !== LEDGER_TABLE) {
    warnings.push(`migrations.table is ignored: Prisma's ledger is always ${LEDGER_TABLE}.`);
  }
  await checkProvider(folder, providers, settings.provider);
  const found = await migrationFolders(folder, warnings);
  const ordered = sortAsPrisma(found, major ?? 7, warnings);
  const inside = await allowedFolders(settings.working_directory, folder);
  const migrations: Migration[] = [];
  for (const name of ordered) migrations.push(await readMigration(settings, folder, name, inside));
  if (migrations.length === 0) warnings.push(`${show(settings, folder)} holds no migration.`);
  return { migrations, tool: `prisma ${version ?? '(version unknown)'}`, warnings };
}

/** Prisma refuses (P3019) to run migrations that were written for another provider. */
async function checkProvider(folder: string, providers: readonly string[], system: string): Promise<void> {
  const lock = await readFile(join(folder, 'migration_lock.toml'), 'utf8').catch(() => null);
  const provider = lock === null ? undefined : /^\s*provider\s*=\s*"([^"]*)"/m.exec(lock)?.[1];
  if (provider === undefined || providers.includes(provider)) return;
  throw refused(`The migrations are written for ${provider} (migration_lock.toml), the environment's database is ${system}.`);
}

async function migrationFolders(folder: string, warnings: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) found.push(entry.name);
    else if (entry.isSymbolicLink()) warnings.push(`${entry.name} is a symbolic link, which Prisma does not follow: it is no migration.`);
    else if (entry.name.endsWith('.sql')) warnings.push(`${entry.name} lies beside the migrations and is not run: a migration is a folder with migration.sql.`);
  }
  return found;
}

function sortAsPrisma(names: string[], major: number, warnings: string[]): string[] {
  const [bytes, locale] = [byBytes(names), byLocale(names)];
  if (bytes.some((name, index) => name !== locale[index])) {
    warnings.push('Prisma 7 orders these migration names otherwise than 5 and 6 do; names of equal shape avoid that.');
  }
  return major >= 7 ? locale : bytes;
}

async function readMigration(settings: Settings, folder: string, name: string, inside: string[]): Promise<Migration> {
  if (!MigrationName.safeParse(name).success) throw refused(`${JSON.stringify(name)} cannot be the name of a migration.`);
  const file = join(folder, name, 'migration.sql');
  const shown = show(settings, file);
  const up = await readInside(file, shown, inside);
  if (up === null) {
    throw refused(`The migration ${name} has no migration.sql (Prisma: P3015).`, ['Restore the file from version control, or remove the folder if it was never applied anywhere.']);
  }
  const down = await readInside(join(folder, name, 'down.sql'), show(settings, join(folder, name, 'down.sql')), inside);
  return { name, up, down, file: shown };
}

const show = (settings: Settings, path: string) => relative(settings.working_directory, path) || path;

function refused(message: string, suggestions: string[] = []): FaberError {
  return new FaberError({ code: 'plan_failed', message: `${message} Nothing was changed.`, suggestions });
}
