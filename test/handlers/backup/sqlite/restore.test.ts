/** Backups of SQLite files, and restores into files that are in use. */
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { backupHandlers, openStore } from '../../../../src/handlers/backup/index.js';
import type { BackupOptions } from '../../../../src/handlers/backup/contract.js';
import { holdOpen } from '../../../support/sqlite.js';
import { tempDir } from '../../../support/temp.js';
import { prismaSettings } from '../../migration/prisma/support.js';
import { database, options, scene } from '../../database/sqlite/scene.js';

const SCHEMA = `CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL COLLATE NOCASE, low TEXT GENERATED ALWAYS AS (lower(name)) STORED);
  CREATE TABLE b (x, "odd ""name" TEXT); CREATE TABLE pair (k TEXT, v TEXT, PRIMARY KEY (k, v)) WITHOUT ROWID; CREATE TABLE child (a INTEGER REFERENCES a (id) ON DELETE CASCADE);
  CREATE UNIQUE INDEX a_name ON a (name) WHERE id > 0; CREATE VIEW v AS SELECT * FROM a; CREATE TRIGGER t AFTER INSERT ON b BEGIN INSERT INTO pair VALUES (new.x, 'by trigger'); END;
  CREATE VIRTUAL TABLE words USING fts5 (text); PRAGMA user_version = 7;
  INSERT INTO a (name) VALUES ('One'), ('Two'), ('Three'); DELETE FROM a WHERE id = 3; INSERT INTO b (rowid, x) VALUES (5, 'five'), (9, 'nine'); INSERT INTO child VALUES (1), (2);
  INSERT INTO words VALUES ('hello world'), ('good night')`;

async function withBackup(wal: boolean) {
  const made = await scene({ wal });
  await made.run(SCHEMA);
  const settings = { ...prismaSettings(dirname(made.db.file)), provider: 'sqlite' as const };
  const there = { ...settings, backup: { ...settings.backup, location: join(await tempDir(), 'store') } };
  const store = await openStore(there);
  const backups = await backupHandlers(there, database);
  const { signal } = options();
  const asked: BackupOptions = { settings: there, backupId: 'backup-20260101-000000', operationId: 'op-1', label: null, reason: null, ledgerDigest: null, signal };
  const record = await backups.create(made.target, store, asked);
  const restore = async (guard: () => Promise<void> = async () => {}) => {
    await backups.restoreBeside(made.target, store, record, 'op-1', signal);
    return backups.swap(made.target, 'op-1', guard, signal);
  };
  return { ...made, store, backups, record, signal, restore };
}

describe.each([['a rollback journal', false], ['a write-ahead log', true]])('with %s', (_name, wal) => {
  test('everything comes back into the file that others have open, and they see it', async () => {
    const { db, target, backups, record, store, signal, restore } = await withBackup(wal);
    const fingerprint = await database.schemaFingerprint(target);
    expect((await backups.prove(target, store, record, signal)).level).toBe('proven');
    const release = await holdOpen(db.file, 'DROP TABLE words; DROP VIEW v; DROP TABLE child; CREATE TABLE later (x); DELETE FROM b; UPDATE a SET name = name || 1; SELECT 1');
    try {
      const { kept_as } = await restore();
      expect(db.query('SELECT id, name, low FROM v')).toEqual([{ id: 1, name: 'One', low: 'one' }, { id: 2, name: 'Two', low: 'two' }]);
      expect(db.query('SELECT rowid, x FROM b')).toEqual([{ rowid: 5, x: 'five' }, { rowid: 9, x: 'nine' }]);
      expect(db.query("SELECT rowid FROM words WHERE words MATCH 'night'")).toEqual([{ rowid: 2 }]);
      expect(db.query('SELECT count(*) AS n FROM child')).toEqual([{ n: 2 }]);
      expect(db.query("INSERT INTO a (name) VALUES ('Next') RETURNING id")).toEqual([{ id: 4 }]);
      expect(db.query('PRAGMA user_version')).toEqual([{ user_version: 7 }]);
      expect(db.query('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
      expect(await database.schemaFingerprint(target)).toBe(fingerprint);
      expect(await database.tableCounts(target.withDatabase(kept_as!))).toContainEqual({ schema: 'main', table: 'later', rows: 0 });
      expect(await backups.keptBy(target, 'op-1')).toBe(kept_as);
      expect((await readdir(dirname(db.file))).filter((name) => name.includes('side') || name.includes('unfinished'))).toEqual([]);
    } finally {
      await release();
    }
  });

  test('what the guard refuses is not exchanged, and nothing is left', async () => {
    const { db, restore, backups, target } = await withBackup(wal);
    db.query("INSERT INTO b VALUES ('since', 1) RETURNING x");
    await expect(restore(() => Promise.reject(new Error('written since')))).rejects.toThrow('written since');
    expect(db.query('SELECT count(*) AS n FROM b')).toEqual([{ n: 3 }]);
    await backups.cleanUp(target, 'op-1');
    expect(await readdir(dirname(db.file))).not.toContainEqual(expect.stringMatching(/replaced|side/));
  });
});

test('a backup tells where its snapshot stands, and a write since is not overlooked', async () => {
  const { db, target, record } = await withBackup(false);
  const quiet = () => database.nothingWrittenSince(target, record.snapshot, 'op-1');
  expect(await quiet()).toMatchObject({ proven: true });
  db.query('DELETE FROM b WHERE x = 5 RETURNING x');
  db.query("INSERT INTO b VALUES (1, '1') RETURNING x");
  expect(await quiet()).toMatchObject({ proven: false });
});

test('a missing file and a damaged one are restored, the damaged one kept', async () => {
  const { db, target, backups, restore } = await withBackup(false);
  await truncate(db.file, 100);
  await writeFile(db.file, 'this is no database, and never was one; it is as long as a header of SQLite would be, at the least .....');
  const { kept_as } = await restore();
  expect(db.query('SELECT count(*) AS n FROM a')).toEqual([{ n: 2 }]);
  expect(await readFile(join(dirname(db.file), kept_as!), 'utf8')).toContain('no database');
  await backups.cleanUp(target, 'op-1');

  await rm(db.file);
  await rm(`${db.file}.faber-db`);
  await rm(join(dirname(db.file), kept_as!));
  expect(await restore()).toEqual({ kept_as: null });
  expect(db.query('SELECT count(*) AS n FROM a')).toEqual([{ n: 2 }]);
});

test('the commands of the manifest restore it', async () => {
  const { db, record, store } = await withBackup(false);
  const script = record.restore_commands.join('\n');
  await rm(`${db.file}.restored`, { force: true });
  const { stdout } = await promisify(execFile)('/bin/sh', ['-e', '-c', script], { cwd: store.location });
  expect(stdout.trim()).toBe('ok');
  expect(stdout).not.toContain('secret');
  const restored = database.target(`file:${db.file}.restored`);
  expect(await database.tableCounts(restored)).toEqual(record.tables);
});
