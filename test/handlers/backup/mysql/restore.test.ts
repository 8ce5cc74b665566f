/** Backups of a MariaDB database with everything that MySQL does not move: dumped, proven, restored, exchanged. */
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import type { BackupOptions } from '../../../../src/handlers/backup/contract.js';
import { backupHandlers, openStore } from '../../../../src/handlers/backup/index.js';
import { databaseHandlers } from '../../../../src/handlers/database/index.js';
import { createMysqlDatabase, type MysqlTestDatabase } from '../../../support/mysql.js';
import { tempDir } from '../../../support/temp.js';
import { settingsFor } from '../setup.js';

const database = databaseHandlers('mysql');
const backups = await backupHandlers({ provider: 'mysql', hosting: 'local', backup: {} }, database);
const never = new AbortController().signal;
const quiet = async () => {};

const SCHEMA = [
  'CREATE TABLE parent (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) NOT NULL, doc JSON, data VARBINARY(20), upper_name VARCHAR(50) AS (UPPER(name)) STORED, UNIQUE KEY by_name (name))',
  "CREATE TABLE child (id INT PRIMARY KEY, parent INT, at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), kind ENUM('a', 'b'), CONSTRAINT child_parent FOREIGN KEY (parent) REFERENCES parent(id) ON DELETE CASCADE, CONSTRAINT positive CHECK (id > 0))",
  'CREATE TABLE log (n INT)',
  'CREATE SEQUENCE numbers START WITH 5',
  'CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2',
  'CREATE PROCEDURE fill(IN n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO INSERT INTO log VALUES (i); SET i = i + 1; END WHILE; END',
  'CREATE VIEW a_names AS SELECT * FROM z_names',
  'CREATE TRIGGER logged AFTER INSERT ON parent FOR EACH ROW INSERT INTO log VALUES (NEW.id)',
  'CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log WHERE n < 0',
];

async function scene(more: { rows?: boolean } = {}) {
  const db = await createMysqlDatabase();
  await db.query("CREATE VIEW z_names AS SELECT 1 AS id, 'x' AS name, 2 AS double_id");
  for (const sql of SCHEMA) await db.query(sql);
  await db.query('CREATE OR REPLACE VIEW z_names AS SELECT id, name, twice(id) AS double_id FROM parent');
  if (more.rows !== false) {
    await db.query("INSERT INTO parent (name, doc, data) VALUES ('it''s \\\\ ana;', '{\"a\": \"é\"}', x'00FF27'), ('ben', NULL, NULL)");
    await db.query("INSERT INTO child (id, parent, kind) VALUES (1, 1, 'a'), (2, 2, NULL)");
  }
  const target = database.target(db.url);
  await database.bookkeeping.ensure(target);
  const settings = { ...settingsFor(join(await tempDir(), 'store')), provider: 'mysql' as const };
  const store = await openStore(settings);
  const options = (backupId: string, extra: Partial<BackupOptions> = {}): BackupOptions => ({ settings, backupId, operationId: 'op-1', label: null, reason: null, ledgerDigest: null, signal: never, ...extra });
  return { db, target, settings, store, options, kept: (name: string) => target.withDatabase(name) };
}

const connect = async ({ url }: MysqlTestDatabase) => {
  const { hostname, port, username, password, pathname } = new URL(url);
  return mysql.createConnection({ host: hostname, port: Number(port), user: username, password: decodeURIComponent(password), database: pathname.slice(1) });
};
const tables = (db: MysqlTestDatabase) => db.query('SELECT * FROM parent ORDER BY id');
const databasesBeside = async (db: MysqlTestDatabase) => (await db.query('SHOW DATABASES')).map((row) => String(row['Database'])).filter((name) => name.startsWith(`${db.name}_faber_`)).map((name) => name.slice(db.name.length).replace(/_[0-9a-f]{10}$/, '')).sort();

describe('a backup of MySQL', () => {
  it('holds rows, views, triggers, routines and events; all come back, and what they replace is kept with its own', async () => {
    const { db, target, store, options, kept } = await scene();
    const before = await database.schemaFingerprint(target);
    const rows = await tables(db);
    const record = await backups.create(target, store, options('backup-20260101-000000'));
    expect(record).toMatchObject({ format: 'mysql-dump', level: 'checked', tables: [{ table: 'child', rows: 2 }, { table: 'log', rows: 2 }, { table: 'parent', rows: 2 }] });
    expect((await backups.prove(target, store, record, never)).level).toBe('proven');

    await db.query('DROP TRIGGER logged');
    await db.query('CREATE TRIGGER other BEFORE INSERT ON child FOR EACH ROW SET NEW.kind = NULL');
    await db.query('DROP VIEW a_names');
    await db.query('CREATE TABLE a_names (id INT)');
    await db.query('DELETE FROM parent WHERE id = 1');
    expect(await backups.restoreObstacles(target, record)).toEqual([]);
    expect(await backups.restoreDifferences(target, record)).toEqual([expect.stringMatching(/1 trigger/)]);
    await backups.restoreBeside(target, store, record, 'op-1', never);
    const { kept_as } = await backups.swap(target, 'op-1', quiet, never);

    expect(await database.schemaFingerprint(target)).toBe(before);
    expect(await tables(db)).toEqual(rows);
    await db.query("INSERT INTO parent (name) VALUES ('carl')");
    expect(await db.query('SELECT COUNT(*) AS n FROM log')).toEqual([{ n: 3 }]);
    expect(await db.query('SELECT double_id FROM a_names WHERE id = 1')).toEqual([{ double_id: 2 }]);
    await expect(db.query('INSERT INTO child (id, parent) VALUES (9, 999)')).rejects.toThrow(/foreign key/);
    await db.query('CALL fill(2)');
    const replaced = (await database.schemaFacts(kept(kept_as!))).map(({ kind, name }) => `${kind} ${name}`);
    expect(replaced).toEqual(expect.arrayContaining(['trigger other', 'table a_names', 'function twice', 'view z_names']));
    expect(replaced).not.toContain('event nightly');
    expect(await databasesBeside(db)).toEqual(['_faber_db', '_faber_replaced']);
    expect(await backups.replacedDatabases(target)).toMatchObject([{ name: kept_as }]);
    expect(await backups.keptBy(target, 'op-1')).toBe(kept_as);
    expect(await backups.dropReplaced(target, db.name)).toMatch(/no database that a restore replaced/);
    expect(await backups.dropReplaced(target, kept_as!)).toBeNull();
  });

  it('is of one moment while others write, and holds nobody up', async () => {
    const { db, target, store, options } = await scene();
    const writer = await connect(db);
    let stop = false;
    const writing = (async () => {
      for (let n = 10; !stop; n += 1) {
        await writer.query('START TRANSACTION');
        await writer.query('INSERT INTO parent (name) VALUES (?)', [`name ${n}`]);
        await writer.query('INSERT INTO child (id, parent) VALUES (?, LAST_INSERT_ID())', [n]);
        await writer.query('COMMIT');
      }
    })();
    try {
      const record = await backups.create(target, store, options('backup-20260101-000000'));
      expect((await backups.prove(target, store, record, never)).level).toBe('proven');
      const rows = Object.fromEntries(record.tables!.map(({ table, rows: n }) => [table, n]));
      expect(rows['parent']).toBe(rows['child']);
    } finally {
      stop = true;
      await writing;
    }
    // A transaction that stays open is in the way of nobody, and no part of the backup.
    await writer.query('START TRANSACTION');
    await writer.query('DELETE FROM log');
    const record = await backups.create(target, store, options('backup-20260101-000001'));
    expect(record.tables!.find(({ table }) => table === 'log')!.rows).toBeGreaterThan(0);
    await writer.end();
  });

  it('is refused where it could not be whole', async () => {
    const { db, target, store, options, settings } = await scene({ rows: false });
    await db.query('CREATE TABLE old (id INT) ENGINE=Aria');
    await expect(backups.create(target, store, options('backup-20260101-000000'))).rejects.toMatchObject({ code: 'unsupported', message: expect.stringMatching(/old \(Aria\)/), suggestions: ['ALTER TABLE `old` ENGINE=InnoDB'] });
    await db.query('DROP TABLE old');
    await db.asAdmin(`CREATE PROCEDURE \`${db.name}\`.hidden() SELECT 1`);
    await expect(backups.create(target, store, options('backup-20260101-000000'))).rejects.toMatchObject({ code: 'unsupported', message: expect.stringMatching(/procedure hidden/) });
    expect(await backups.replaceObstacles(target)).toEqual([expect.stringMatching(/procedure hidden is hidden/), expect.stringMatching(/run as faber_admin@%/)]);
    expect((await store.listBackups()).backups).toEqual([]);
    const poor = await createMysqlDatabase({ grantBeside: false });
    await expect(backups.preflight(database.target(poor.url), settings, store)).rejects.toMatchObject({ code: 'backup_failed', suggestions: [expect.stringMatching(/GRANT ALL ON/)] });
  });
});

describe('the exchange', () => {
  async function restored() {
    const made = await scene();
    const record = await backups.create(made.target, made.store, made.options('backup-20260101-000000'));
    await backups.restoreBeside(made.target, made.store, record, 'op-1', never);
    return made;
  }

  it('loses no row that was told to be saved, while an application writes', async () => {
    const { db, target, kept } = await restored();
    const writer = await connect(db);
    const saved: number[] = [];
    let stop = false;
    const writing = (async () => {
      for (let n = 1; !stop; n += 1) {
        // Around the exchange a trigger is dropped and made again: a prepared plan may be refused, and then nothing was told saved.
        const written = await writer.query('INSERT INTO log VALUES (?)', [1000 + n]).then(() => true, () => false);
        if (written) saved.push(1000 + n);
      }
    })();
    const { kept_as } = await backups.swap(target, 'op-1', quiet, never);
    stop = true;
    await writing;
    await writer.end();
    const session = await database.connect(kept(kept_as!), 'read');
    const found = [...(await session.query<{ n: number }>('SELECT n FROM log')), ...(await db.query<{ n: number }>('SELECT n FROM log'))].map(({ n }) => Number(n));
    await session.close();
    expect(saved.length).toBeGreaterThan(0);
    expect(saved.filter((n) => !found.includes(n))).toEqual([]);
  });

  it('is not made when its guard says no, when it is cancelled, or when another operation has taken over', async () => {
    const { db, target } = await restored();
    await db.query("INSERT INTO parent (name) VALUES ('since')");
    const before = await database.schemaFingerprint(target);
    await expect(backups.swap(target, 'op-1', async () => Promise.reject(new Error('not now')), never)).rejects.toThrow('not now');
    await expect(backups.swap(target, 'op-1', quiet, AbortSignal.abort(new Error('cancelled')))).rejects.toThrow();
    await database.bookkeeping.takeFence(target, 'op-2', { signal: never, lockTimeoutSeconds: 5, timeoutSeconds: 10 });
    await expect(backups.swap(target, 'op-1', quiet, never)).rejects.toMatchObject({ code: 'fenced_off' });
    expect(await database.schemaFingerprint(target)).toBe(before);
    expect(await db.query("SELECT name FROM parent WHERE name = 'since'")).toHaveLength(1);
    await backups.cleanUp(target, 'op-1');
    expect(await databasesBeside(db)).toEqual(['_faber_db']);
  });

  it('that was cut off before the tables moved is taken back by a clean-up, triggers and all', async () => {
    const { db, target } = await restored();
    const before = await database.schemaFingerprint(target);
    const holder = await connect(db);
    await holder.query('START TRANSACTION');
    await holder.query('SELECT * FROM child');
    const swapping = backups.swap(target, 'op-1', quiet, never).then(() => 'swapped', (error: Error) => error.message);
    await expect.poll(async () => (await db.query('SHOW TRIGGERS')).length, { timeout: 20_000 }).toBe(0);
    // The death of a worker: its session is ended by who comes next.
    await database.bookkeeping.takeFence(target, 'op-1', { signal: never, lockTimeoutSeconds: 5, timeoutSeconds: 10 });
    expect(await swapping).not.toBe('swapped');
    await holder.end();
    await backups.cleanUp(target, 'op-1');
    expect(await database.schemaFingerprint(target)).toBe(before);
    expect(await databasesBeside(db)).toEqual(['_faber_db']);
  });

  it('that was cut off after the tables moved is finished by whatever comes next', async () => {
    const { db, target, kept } = await restored();
    const before = await database.schemaFingerprint(target);
    const { kept_as } = await backups.swap(target, 'op-1', quiet, never);
    // As a crash right behind the RENAME leaves it: prepared by the record, exchanged by the tables, its code missing.
    await db.query(`UPDATE \`${db.name}_faber_db\`.exchanges SET state = 'prepared'`);
    await db.query('DROP TRIGGER logged');
    await db.query('DROP PROCEDURE fill');
    expect(await backups.keptBy(target, 'op-1')).toBe(kept_as);
    await backups.cleanUp(target, 'op-1');
    expect(await database.schemaFingerprint(target)).toBe(before);
    expect((await database.tableCounts(kept(kept_as!))).find(({ table }) => table === 'parent')).toMatchObject({ rows: 2 });
    expect((await backups.swap(target, 'op-1', quiet, never)).kept_as).toBe(kept_as);
  });
});
