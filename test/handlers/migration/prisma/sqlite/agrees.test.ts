/** The real Prisma CLI and this handler on the same SQLite files. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { databaseHandlers } from '../../../../../src/handlers/database/index.js';
import type { StepContext } from '../../../../../src/handlers/migration/contract.js';
import { migrationHandlers } from '../../../../../src/handlers/migration/index.js';
import { migrateDeploy, migrateResolve, migrateStatus, writeProject, type ProjectMigration } from '../../../../support/prisma-cli.js';
import { sqliteFile } from '../../../../support/sqlite.js';
import { tempDir } from '../../../../support/temp.js';
import { prismaSettings } from '../support.js';

const UP_TO_DATE = 'Database schema is up to date';

const SHAPES: Record<string, ProjectMigration> = {
  '20260101000000_init': { up: `-- CreateTable\nCREATE TABLE "User" (\n    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,\n    "email" TEXT NOT NULL\n);\n\n-- CreateTable\nCREATE TABLE "Post" (\n    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,\n    "title" TEXT NOT NULL,\n    "userId" INTEGER NOT NULL,\n    CONSTRAINT "Post_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE\n);\nINSERT INTO "User" (email) VALUES ('a;b@example.com'), ('it''s');\nINSERT INTO "Post" (title, userId) VALUES ('one', 1), ('two', 2);\n` },
  '20260102000000_rebuild': { up: `-- RedefineTables\nPRAGMA defer_foreign_keys=ON;\nPRAGMA foreign_keys=OFF;\nCREATE TABLE "new_User" (\n    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,\n    "email" TEXT,\n    "name" TEXT\n);\nINSERT INTO "new_User" ("email", "id") SELECT "email", "id" FROM "User";\nDROP TABLE "User";\nALTER TABLE "new_User" RENAME TO "User";\nPRAGMA foreign_keys=ON;\nPRAGMA defer_foreign_keys=OFF;\n` },
  '20260103000000_trigger': { up: 'CREATE TRIGGER t AFTER INSERT ON "Post" BEGIN UPDATE "User" SET name = CASE WHEN 1 THEN new.title END; END;\nCREATE VIEW v AS SELECT * FROM "Post";', down: 'DROP VIEW v; DROP TRIGGER t;' },
};

async function bench(migrations: Record<string, ProjectMigration>) {
  const root = await tempDir();
  await writeProject(root, migrations, 'sqlite');
  const db = await sqliteFile();
  const database = databaseHandlers('sqlite');
  const handler = migrationHandlers('prisma', database);
  const settings = { ...prismaSettings(root, join(root, 'prisma', 'migrations')), provider: 'sqlite' as const };
  const target = database.target(db.url);
  const options = { signal: new AbortController().signal, lockTimeoutSeconds: 10, timeoutSeconds: 30 };
  const context: StepContext = { ...options, target, fence: await database.bookkeeping.takeFence(target, 'op-1', options), settings, concurrentTimeoutSeconds: 30 };
  await handler.ensureLedger(context);
  const find = async (name: string) => (await handler.readProject(settings)).migrations.find((migration) => migration.name === name)!;
  const status = async () => handler.compare((await handler.readProject(settings)).migrations, await handler.readLedger(target, settings));
  const applyPending = async () => {
    for (const name of (await status()).pending) expect(await handler.apply(await find(name), context)).toMatchObject({ status: 'applied' });
  };
  return { root, db, handler, context, database, target, find, status, applyPending };
}

/** Rows without what differs each time, and how times are kept. */
const ledgerOf = (db: { query(sql: string): Record<string, unknown>[] }) =>
  db.query(`SELECT migration_name, checksum, length(id) AS id, logs, applied_steps_count, typeof(started_at) AS started, typeof(finished_at) AS finished, typeof(rolled_back_at) AS back,
    started_at BETWEEN 1700000000000 AND 9999999999999 AS sane FROM _prisma_migrations ORDER BY started_at, migration_name`);

test('the CLI says up to date after ours; ledger table, rows and schema are as its own', async () => {
  const ours = await bench(SHAPES);
  await ours.applyPending();
  expect((await migrateStatus(ours.root, ours.db.url)).output).toContain(UP_TO_DATE);
  expect(ours.db.query('SELECT title FROM "Post" ORDER BY id')).toEqual([{ title: 'one' }, { title: 'two' }]);

  const theirs = await sqliteFile();
  expect((await migrateDeploy(ours.root, theirs.url)).output).toContain('All migrations have been successfully applied');
  expect(ledgerOf(ours.db)).toEqual(ledgerOf(theirs));
  const table = "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('_prisma_migrations')";
  expect(ours.db.query(table)).toEqual(theirs.query(table));
  expect(await ours.database.schemaFingerprint(ours.target)).toBe(await ours.database.schemaFingerprint(ours.database.target(theirs.url)));
});

test('each goes on where the other stopped, also after a revert', async () => {
  const [first, second, third] = Object.keys(SHAPES) as [string, string, string];
  const { root, db, handler, context, find, status } = await bench({ [first]: SHAPES[first]! });
  expect((await migrateDeploy(root, db.url)).exitCode).toBe(0);
  expect((await status()).applied).toEqual([first]);
  await writeProject(root, SHAPES, 'sqlite');
  expect((await handler.apply(await find(second), context)).status).toBe('applied');
  expect((await migrateDeploy(root, db.url)).output).toContain('All migrations have been successfully applied');
  expect((await status()).pending).toEqual([]);
  expect((await handler.revert(await find(third), context)).status).toBe('reverted');
  expect((await migrateStatus(root, db.url)).output).toMatch(/have not yet been applied:\s+20260103000000_trigger/);
  expect((await migrateDeploy(root, db.url)).exitCode).toBe(0);
  expect((await migrateStatus(root, db.url)).output).toContain(UP_TO_DATE);
});

test('what the CLI failed (P3009) is settled with the rows that the CLI writes', async () => {
  const project = { '001_a': { up: 'CREATE TABLE t (id INTEGER)' }, '002_b': { up: "CREATE TABLE half (id INTEGER);\nINSERT INTO nowhere VALUES ('topsecret');" } };
  const [ours, theirs] = [await bench(project), await bench(project)];
  for (const { root, db } of [ours, theirs]) expect((await migrateDeploy(root, db.url)).exitCode).toBe(1);
  const { failed } = await ours.status();
  expect(failed).toEqual([expect.objectContaining({ name: '002_b' })]);
  expect(JSON.stringify(failed)).not.toContain('topsecret');
  expect(await ours.handler.findObjects(await ours.find('002_b'), ours.target)).toEqual(['table half is there']);
  await expect(ours.handler.apply(await ours.find('002_b'), ours.context)).rejects.toMatchObject({ code: 'history_conflict' });
  await ours.handler.resolve(await ours.find('002_b'), 'rolled_back', ours.context);
  expect((await migrateResolve(theirs.root, theirs.db.url, 'rolled-back', '002_b')).exitCode).toBe(0);
  const comparable = (db: typeof ours.db) => ledgerOf(db).map(({ logs: _, ...row }) => row);
  expect(comparable(ours.db)).toEqual(comparable(theirs.db));
});
