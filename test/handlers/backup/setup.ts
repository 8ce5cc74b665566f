/** A database, a store and a backup handler over both, for the tests of backups. */
import { join } from 'node:path';
import type { BackupRecord } from '../../../src/contract/backup.js';
import type { Settings } from '../../../src/contract/settings.js';
import type { BackupOptions, Store } from '../../../src/handlers/backup/contract.js';
import { backupHandlers, openStore } from '../../../src/handlers/backup/index.js';
import type { ConnectionTarget } from '../../../src/handlers/database/contract.js';
import { databaseHandlers } from '../../../src/handlers/database/index.js';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';
import { tempDir } from '../../support/temp.js';

export const database = databaseHandlers('postgresql');
export const backups = await backupHandlers({ provider: 'postgresql', hosting: 'local', backup: {} }, database);
export const never: AbortSignal = new AbortController().signal;

/** Settings as the config would give them; only what backups look at matters. */
export function settingsFor(location: string, backup: Partial<Settings['backup']> = {}): Settings {
  return {
    environment: 'production',
    provider: 'postgresql',
    migrations: { directory: '/nowhere', table: '_prisma_migrations', timeout_seconds: 60, lock_timeout_seconds: 2, concurrent_timeout_seconds: 60 },
    backup: { before_change: true, location, retention_days: 30, auto_cleanup: true, compression: 'auto', verify: 'proven', max_database_size: 1e12, ...backup },
  } as Settings;
}

export interface Scene {
  db: TestDatabase;
  target: ConnectionTarget;
  settings: Settings;
  store: Store;
  /** Options for one backup. */
  options(backupId: string, more?: Partial<BackupOptions>): BackupOptions;
}

/** Each scene has a database, an owner role and a store of its own. */
export async function scene(more: { name?: string; role?: 'owner' | 'superuser'; backup?: Partial<Settings['backup']>; sql?: string } = {}): Promise<Scene> {
  const db = await createDatabase({ ...(more.name !== undefined && { name: more.name }), ...(more.role && { role: more.role }) });
  if (more.sql) await db.query(more.sql);
  return { db, ...(await beside(database.target(db.url), more.backup)) };
}

/** A store of its own for a database. */
export async function beside(target: ConnectionTarget, backup: Partial<Settings['backup']> = {}): Promise<Omit<Scene, 'db'>> {
  const settings = settingsFor(join(await tempDir(), 'store'), backup);
  const store = await openStore(settings);
  return {
    target,
    settings,
    store,
    options: (backupId, extra) => ({ settings, backupId, operationId: null, label: null, reason: null, ledgerDigest: null, signal: never, ...extra }),
  };
}

/** Where a local store keeps a file of a backup: its dump, unless another is named. */
export const fileOf = (store: Store, record: BackupRecord, name = record.file) => join(store.location, 'backups', record.backup_id, name);

/** One query in a session of our own making: it reaches databases whatever their name. */
export async function queryIn<Row = Record<string, unknown>>(target: ConnectionTarget, sql: string): Promise<Row[]> {
  const session = await database.connect(target, 'test');
  try {
    return await session.query<Row>(sql);
  } finally {
    await session.close();
  }
}
