/** Ledgers as other versions of Prisma left them. Their CLI does not run here, so the rows are written as they write them. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { migrateStatus } from '../../../support/prisma-cli.js';
import { createDatabase } from '../../../support/postgres.js';
import { databaseHandlers } from '../../../../src/handlers/database/index.js';
import { migrationHandlers } from '../../../../src/handlers/migration/index.js';
import { bench, prismaSettings, rawLedger, type Bench } from './support.js';

const PROJECT = {
  '20240101000000_init': { up: 'CREATE TABLE a (id int);\n' },
  '20240102000000_unique': { up: 'CREATE UNIQUE INDEX a_id ON a (id);\n' },
  '20240103000000_more': { up: 'CREATE TABLE b (id int);\n' },
};
const NAMES = Object.keys(PROJECT) as (keyof typeof PROJECT)[];
const sum = (name: keyof typeof PROJECT) => createHash('sha256').update(PROJECT[name].up).digest('hex');

/** Rows of the native engine of 5.22 and 6.19: a failure with logs, rolled back by `migrate resolve`, then applied. */
async function history({ db }: Bench): Promise<void> {
  await db.query('CREATE TABLE a (id int)');
  await db.query('CREATE UNIQUE INDEX a_id ON a (id)');
  const insert = `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, rolled_back_at, logs, applied_steps_count) VALUES `;
  await db.query(`${insert}
    ('6f0c1b5e-5a0e-4a37-9a3e-000000000001', '${sum(NAMES[0]!)}', '${NAMES[0]}', '2024-01-01 10:00:00+00', '2024-01-01 10:00:01+00', NULL, NULL, 1),
    ('6f0c1b5e-5a0e-4a37-9a3e-000000000002', '${sum(NAMES[1]!)}', '${NAMES[1]}', '2024-01-02 10:00:00+00', NULL, '2024-01-02 11:00:00+00',
      'A migration failed to apply.\n\nDatabase error code: 23505\n\nDatabase error:\nERROR: could not create unique index\nDETAIL: Key (id)=(ana@example.com) is duplicated.', 0),
    ('6f0c1b5e-5a0e-4a37-9a3e-000000000003', '${sum(NAMES[1]!)}', '${NAMES[1]}', '2024-01-02 12:00:00+00', '2024-01-02 12:00:01+00', NULL, NULL, 1)`);
}

describe('a ledger of Prisma 5 or 6', () => {
  test('is read, goes on, and is what Prisma 7 goes on with', async () => {
    const b = await bench(PROJECT);
    await history(b);
    expect(await b.status()).toEqual({ applied: [NAMES[0], NAMES[1]], pending: [NAMES[2]], failed: [], edited: [], missing: [], out_of_order: [] });
    expect(Object.values(await b.applyPending()).map(({ status }) => status)).toEqual(['applied']);
    expect((await migrateStatus(b.root, b.url)).output).toContain('Database schema is up to date');
  });

  test('shows no row value of its logs', async () => {
    const b = await bench(PROJECT);
    await history(b);
    const ledger = await b.handler.readLedger(b.target, b.context.settings);
    expect(ledger.rows.map(({ logs }) => logs)).toEqual([null, expect.stringContaining('SQLSTATE 23505'), null]);
    expect(JSON.stringify(ledger)).not.toContain('ana@example.com');
  });

  test('the digest follows what decides, and not ids, times or logs', async () => {
    const [one, two] = [await bench(PROJECT), await bench(PROJECT)];
    await history(one);
    await history(two);
    const digest = async (b: Bench) => (await b.handler.readLedger(b.target, b.context.settings)).digest;
    await two.db.query("UPDATE _prisma_migrations SET id = 'x' || right(id, 3), logs = 'other', started_at = started_at + interval '1 minute', finished_at = finished_at + interval '1 minute'");
    expect(await digest(two)).toBe(await digest(one));
    await two.db.query(`UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '${NAMES[0]}'`);
    expect(await digest(two)).not.toBe(await digest(one));
  });
});

test('a database without a ledger says so', async () => {
  const db = await createDatabase();
  const database = databaseHandlers('postgresql');
  const ledger = await migrationHandlers('prisma', database).readLedger(database.target(db.url), prismaSettings('/nowhere'));
  expect(ledger).toMatchObject({ exists: false, rows: [] });
});

test('a ledger in a schema of its own is created with the schema, and once', async () => {
  const b = await bench(PROJECT, 'own_schema');
  await b.handler.ensureLedger(b.context);
  expect(await rawLedger(b.db, 'own_schema')).toEqual([]);
});

test('tools that this release does not know are refused, naming those it does', () => {
  expect(() => migrationHandlers('knex', databaseHandlers('sqlite'))).toThrow(expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('prisma') }));
});
