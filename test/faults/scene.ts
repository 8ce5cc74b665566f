/** A database with data, a release for it, and what must hold when an operation has ended, whatever was done to it. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { scratchName, sideName } from '../../src/handlers/database/postgresql/beside/side-names.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { createStack, sleep, type Operation, type Stack, type StackOptions } from '../support/stack.js';
import { tempDir } from '../support/temp.js';
import { Barriers } from './barriers.js';
import type { Writer } from './writer.js';

/** How the release ends without a fault. */
export type Release = 'applied' | 'undone by downs' | 'undone by restore' | 'stopped' | 'nothing applied';

export interface Scene {
  stack: Stack;
  barriers: Barriers;
  release: Release;
  before: Snapshot;
  /** Inserts into `orders` all the time, by a connection of its own. */
  writer: Writer | null;
}

const INIT = `
CREATE TABLE accounts (id int PRIMARY KEY, email text NOT NULL, balance int NOT NULL);
INSERT INTO accounts SELECT n, 'user' || n || '@example.com', n FROM generate_series(1, 500) n;
CREATE TABLE orders (id int PRIMARY KEY, placed_at timestamptz NOT NULL DEFAULT clock_timestamp());
`;

/**
 * A script that ran twice shows: its rows are there twice. Their downs take away only what their own up wrote, so that they
 * may run by themselves.
 */
const MIGRATIONS: { name: string; up: string; down: string }[] = [
  {
    name: '20260201000000_credits',
    up: "CREATE TABLE IF NOT EXISTS credits (account int, amount int);\nINSERT INTO credits SELECT id, 1 FROM accounts;\nALTER TABLE accounts ADD COLUMN IF NOT EXISTS tier text;\nUPDATE accounts SET tier = concat(tier, 'a') WHERE id > 0;\n",
    down: 'ALTER TABLE accounts DROP COLUMN tier;\nDROP TABLE credits;\n',
  },
  { name: '20260202000000_index', up: 'CREATE INDEX CONCURRENTLY accounts_email ON accounts (email);\n', down: 'DROP INDEX CONCURRENTLY accounts_email;\n' },
  {
    name: '20260203000000_notes',
    up: 'CREATE TABLE IF NOT EXISTS notes (n int);\nINSERT INTO notes SELECT generate_series(1, 20);\n',
    down: 'DROP TABLE notes;\n',
  },
];
const FAILS = { name: '20260204000000_small', up: 'ALTER TABLE accounts ADD CONSTRAINT small CHECK (balance < 0);\n', down: 'ALTER TABLE accounts DROP CONSTRAINT small;\n' };

const SETTINGS: Record<Release, StackOptions> = {
  applied: {},
  'undone by downs': {},
  'undone by restore': { safety: { on_failure: 'restore' } },
  stopped: {},
  'nothing applied': {},
};

/** @param more SQL that ran before the release */
export async function createScene(release: Release, options: StackOptions = {}, more = ''): Promise<Scene> {
  const folder = await tempDir();
  const { safety } = SETTINGS[release];
  const stack = await createStack({
    ...options,
    safety: { heartbeat_timeout_seconds: 5, ...safety, ...options.safety },
    env: { FABER_DB_TEST_BARRIERS: folder, ...options.env },
  });
  await recordedByPrisma(stack, '20260101000000_init', `${INIT}${more}`);
  const withoutDowns = release === 'undone by restore' || release === 'stopped';
  for (const { name, up, down } of migrationsOf(release)) await stack.migration(name, up, withoutDowns ? undefined : down);
  return { stack, release, barriers: new Barriers(folder), before: await snapshot(stack.database), writer: null };
}

function migrationsOf(release: Release) {
  if (release === 'applied') return MIGRATIONS;
  return release === 'nothing applied' ? [FAILS] : [...MIGRATIONS, FAILS];
}

/** As another tool left it that had applied this migration. */
async function recordedByPrisma(stack: Stack, name: string, up: string): Promise<void> {
  await stack.migration(name, up);
  const checksum = createHash('sha256').update(up).digest('hex');
  await stack.database.query(`
    CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL,
      logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count int NOT NULL DEFAULT 0);
    INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count) VALUES (gen_random_uuid(), '${checksum}', now(), '${name}', 1);
    ${up}`);
}

/** Every row of every table by checksum, columns, indexes, and the ledger as Prisma reads it. */
export interface Snapshot {
  tables: { name: string; rows: number; checksum: string | null }[];
  columns: string[];
  indexes: string[];
  applied: string[];
  unfinished: string[];
}

export async function snapshot(database: Pick<TestDatabase, 'query'>): Promise<Snapshot> {
  const names = await database.query<{ name: string }>("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations' ORDER BY 1");
  const tables: Snapshot['tables'] = [];
  for (const { name } of names) {
    const [row] = await database.query<{ rows: number; checksum: string | null }>(`SELECT count(*)::int AS rows, md5(string_agg(t::text, E'\\n' ORDER BY t::text)) AS checksum FROM "${name}" t`);
    tables.push({ name, ...row! });
  }
  const list = async (sql: string) => (await database.query<{ item: string }>(sql)).map(({ item }) => item);
  return {
    tables,
    columns: await list("SELECT table_name || '.' || column_name || ' ' || data_type AS item FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_prisma_migrations' ORDER BY 1"),
    indexes: await list("SELECT c.relname || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END AS item FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE '\\_prisma%' ORDER BY 1"),
    applied: await list('SELECT migration_name AS item FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY 1'),
    unfinished: await list('SELECT migration_name AS item FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL ORDER BY 1'),
  };
}

let reference: Promise<Snapshot> | undefined;

/** The state after the release, from plain SQL on a database of its own. */
export function stateAfter(before: Snapshot): Promise<Snapshot> {
  reference ??= (async () => {
    const database = await createDatabase();
    for (const sql of ['CREATE TABLE _prisma_migrations (migration_name text, finished_at timestamptz, rolled_back_at timestamptz)', INIT, ...MIGRATIONS.map((m) => m.up)]) await database.query(sql);
    return snapshot(database);
  })();
  return reference.then((state) => ({ ...state, applied: [...before.applied, ...MIGRATIONS.map((m) => m.name)] }));
}

/** All-before or all-after, by every row, the schema and the ledger. */
export async function expectState(scene: Scene, which: 'before' | 'after'): Promise<void> {
  const { writer, stack, before } = scene;
  const acknowledged = await writer?.stop();
  const [found, expected] = [await snapshot(stack.database), which === 'before' ? before : await stateAfter(before)];
  if (acknowledged === undefined) return expect(found).toEqual(expected);
  const orders = new Set((await stack.database.query<{ id: number }>('SELECT id FROM orders')).map(({ id }) => id));
  expect(acknowledged.filter((id) => !orders.has(id)), 'orders that were acknowledged and are gone').toEqual([]);
  expect(acknowledged.length).toBeGreaterThan(0);
  const others = (state: Snapshot) => ({ ...state, tables: state.tables.filter(({ name }) => name !== 'orders') });
  expect(others(found)).toEqual(others(expected));
}

/** No lock, session, database, file, process or workflow of the operation is left. */
export async function expectNothingLeft({ stack }: Scene, operation: Pick<Operation, 'id'>): Promise<void> {
  const { database, client, taskQueue, store } = stack;
  await eventually(async () => {
    expect(await database.asAdmin("SELECT pid, application_name, state FROM pg_stat_activity WHERE (datname = $1 OR usename = $2) AND application_name LIKE 'faber-db%'", [database.name, database.role.name])).toEqual([]);
    expect(await database.asAdmin('SELECT datname FROM pg_database WHERE datname IN ($1, $2)', [scratchName(database.name, operation.id), sideName(database.name, operation.id)])).toEqual([]);
    expect(await childrenOf(database.role.name)).toEqual([]);
    expect(await unfinishedFiles(store)).toEqual([]);
    const running: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query: `TaskQueue = "${taskQueue}" AND ExecutionStatus = "Running"` })) running.push(workflowId);
    expect(running).toEqual([]);
  });
  const [bookkeeping] = await database.query<{ there: boolean }>("SELECT to_regclass('faber_db.operations') IS NOT NULL AS there");
  // Not there where nothing was begun.
  if (bookkeeping!.there) {
    expect(await database.query('SELECT operation_id FROM faber_db.operations WHERE ended_at IS NULL')).toEqual([]);
    expect(await database.query('SELECT * FROM faber_db.write_hold')).toEqual([]);
  }
  expect(await database.asAdmin('SELECT datallowconn FROM pg_database WHERE datname = $1', [database.name])).toEqual([{ datallowconn: true }]);
}

/** What a dying process leaves is gone within seconds, not at once. */
async function eventually(check: () => Promise<void>, seconds = 15): Promise<void> {
  for (const end = Date.now() + seconds * 1000; ; await sleep(250)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

/** Programs of PostgreSQL that run as the role, by their environment. */
export async function childrenOf(role: string): Promise<{ pid: number; program: string }[]> {
  const found: { pid: number; program: string }[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (!environment.split('\0').includes(`PGUSER=${role}`)) continue;
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')[0] ?? '';
    // A process that has ended, and was not waited for yet, has no command.
    if (command !== '') found.push({ pid: Number(pid), program: command.split('/').at(-1) ?? '' });
  }
  return found;
}

async function unfinishedFiles(store: string): Promise<string[]> {
  const entries = await readdir(store, { recursive: true, withFileTypes: true });
  const temporary = entries.filter((entry) => entry.name.startsWith('.tmp-')).map((entry) => join(entry.parentPath, entry.name));
  const backups = await readdir(join(store, 'backups'), { withFileTypes: true }).catch(() => []);
  const unlisted: string[] = [];
  for (const backup of backups) {
    const files = await readdir(join(store, 'backups', backup.name));
    if (!files.includes('manifest.json')) unlisted.push(backup.name);
  }
  return [...temporary, ...unlisted];
}
