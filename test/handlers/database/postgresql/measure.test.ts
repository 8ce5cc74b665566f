import { describe, expect, it } from 'vitest';
import { databaseHandlers } from '../../../../src/handlers/database/index.js';
import { createDatabase } from '../../../support/postgres.js';

describe('counting what an operation would take away', () => {
  it('counts rows and values, and goes on where it cannot', async () => {
    const db = await createDatabase();
    const database = databaseHandlers('postgresql');
    await db.query(`
      CREATE TABLE plain (id int, note text); INSERT INTO plain SELECT n, CASE WHEN n > 3 THEN 'x' END FROM generate_series(1, 10) n;
      CREATE TABLE "Odd ""name" (id int); INSERT INTO "Odd ""name" VALUES (1);
      CREATE TABLE hidden (id int); INSERT INTO hidden VALUES (1); ANALYZE hidden; ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; ALTER TABLE hidden FORCE ROW LEVEL SECURITY;`);
    const target = database.target(db.url);
    const places = [{ table: '"plain"', column: null }, { table: '"gone"', column: null }, { table: '"plain"', column: 'note' }, { table: '"plain"', column: 'gone' }, { table: '"hidden"', column: null }];
    // A policy hides rows of the table: what the statistics say is told as such.
    expect(await database.measure(target, places)).toEqual([
      { rows: 10, exact: true }, null, { rows: 7, exact: true }, null, { rows: 1, exact: false },
    ]);
    expect(await database.measureTables(target)).toEqual([
      { schema: 'public', table: 'Odd "name', measured: { rows: 1, exact: true } },
      { schema: 'public', table: 'hidden', measured: { rows: 1, exact: false } },
      { schema: 'public', table: 'plain', measured: { rows: 10, exact: true } },
    ]);
  });
});
