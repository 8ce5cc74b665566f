/** What goes wrong while a dump runs, and that nothing is left of it. */
import { execFileSync } from 'node:child_process';
import { mkdir, open, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import type { FaberError } from '../../../src/contract/failure.js';
import { openStore } from '../../../src/handlers/backup/index.js';
import { asAdmin } from '../../support/postgres.js';
import { eventually } from '../../support/eventually.js';
import { tempDir } from '../../support/temp.js';
import { backups, database, fileOf, never, scene, type Scene, settingsFor } from './setup.js';

const ID = 'backup-20260124-103000';
/** Incompressible, about 20 MB: enough that a dump is still running when it is interfered with. */
const BULK = `CREATE TABLE bulk AS SELECT g AS id, (SELECT string_agg(md5(random()::text || g || i), '') FROM generate_series(1, 30) i) AS noise FROM generate_series(1, 20000) g`;

async function nothingLeft({ db, store }: Scene): Promise<void> {
  expect(await readdir(join(store.location, 'backups'))).toEqual([]);
  expect(await sessionsOf(db.name)).toEqual([]);
}

/** Sessions of faber-db in a database; a killed program's needs a moment to notice. */
async function sessionsOf(name: string): Promise<unknown[]> {
  for (let attempt = 0; ; attempt++) {
    const left = await asAdmin("SELECT application_name FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE 'faber-db%'", [name]);
    if (left.length === 0 || attempt > 100) return left;
    await sleep(50);
  }
}

/** Programs that this process runs now: pid and command line. */
async function programs(): Promise<{ pid: number; argv: string[] }[]> {
  const found: { pid: number; argv: string[] }[] = [];
  for (const thread of await readdir('/proc/self/task')) {
    const children = await readFile(`/proc/self/task/${thread}/children`, 'utf8').catch(() => '');
    for (const pid of children.split(' ').filter(Boolean)) {
      // It may have ended while we looked.
      const argv = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      found.push({ pid: Number(pid), argv: argv.split('\0') });
    }
  }
  return found;
}

async function whenRunning(program: string): Promise<{ pid: number; argv: string[] }> {
  for (;;) {
    // It is asked for its version before it works.
    const running = (await programs()).find(({ argv }) => argv[0]?.endsWith(`/${program}`) && !argv.includes('--version'));
    if (running) return running;
    await sleep(2);
  }
}

/** A dump that stands still: the lock of another transaction keeps pg_dump waiting. */
async function held(s: Scene): Promise<() => Promise<void>> {
  const session = await database.connect(s.target, 'test');
  await session.query('BEGIN');
  await session.query('LOCK TABLE bulk IN ACCESS EXCLUSIVE MODE');
  return () => session.close();
}

for (const program of ['pg_dump', 'zstd']) {
  test(`a ${program} that is killed fails the backup and leaves nothing`, async () => {
    const s = await scene({ sql: BULK, backup: { compression: 'zstd' } });
    const release = await held(s);
    const failing = expect(backups.create(s.target, s.store, s.options(ID))).rejects.toMatchObject({
      code: 'backup_failed',
      result: { backup_error: expect.stringContaining(`${program} failed (ended by SIGKILL)`) },
    });
    process.kill((await whenRunning(program)).pid, 'SIGKILL');
    await failing;
    await release();
    await nothingLeft(s);
  });
}

test('no secret is in the command line of any program, while a dump and while a restore runs', async () => {
  const s = await scene({ sql: BULK });
  const seen: string[] = [];
  let over = false;
  const watch = (async () => {
    while (!over) {
      for (const { argv } of await programs()) seen.push(argv.join(' '));
      await sleep(1);
    }
  })();
  const record = await backups.create(s.target, s.store, s.options(ID));
  await backups.prove(s.target, s.store, record, never);
  over = true;
  await watch;
  for (const program of ['pg_dump', 'pg_restore', 'zstd']) expect(seen.some((line) => line.includes(program))).toBe(true);
  for (const secret of s.target.secrets) for (const line of seen) expect(line).not.toContain(secret);
});

test('a cancelled backup ends its programs, awaits them, and leaves nothing', async () => {
  const s = await scene({ sql: BULK, backup: { compression: 'zstd' } });
  const release = await held(s);
  const cancel = new AbortController();
  const failing = expect(backups.create(s.target, s.store, s.options(ID, { signal: cancel.signal }))).rejects.toMatchObject({
    code: 'backup_failed',
    result: { backup_error: 'it was cancelled' },
  });
  const { pid } = await whenRunning('pg_dump');
  cancel.abort(new Error('shutting down'));
  await failing;
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  await release();
  await nothingLeft(s);
});

test('a table that the application keeps locked fails the backup after lock_timeout_seconds', async () => {
  const s = await scene({ sql: BULK });
  const release = await held(s);
  await expect(backups.create(s.target, s.store, s.options(ID))).rejects.toMatchObject({
    code: 'backup_failed',
    result: { backup_error: expect.stringMatching(/lock timeout/) },
  });
  await release();
  await nothingLeft(s);
});

test('a table that the role may not read fails the backup with its name', async () => {
  const s = await scene({ sql: 'CREATE TABLE mine (id int)' });
  await s.db.query('CREATE SCHEMA theirs');
  await asAdmin(`ALTER ROLE ${s.db.role.name} NOCREATEDB`);
  await s.db.query('CREATE TABLE theirs.secret (id int)');
  await s.db.query(`REVOKE ALL ON theirs.secret FROM ${s.db.role.name}`);
  await expect(backups.create(s.target, s.store, s.options(ID))).rejects.toMatchObject({
    code: 'backup_failed',
    result: { backup_error: expect.stringContaining('permission denied for table secret') },
  });
  await nothingLeft(s);
});

describe('a full disk', () => {
  const mounts: string[] = [];
  afterAll(() => mounts.forEach((folder) => execFileSync('umount', [folder])));

  test('fails the backup, and leaves the store as it was', async () => {
    const s = await scene({ sql: BULK });
    const small = join(await tempDir(), 'small');
    await mkdir(small);
    // Who may not mount a small disk gets a small limit on files: the same write fails, for a like reason.
    const mounted = process.getuid?.() === 0;
    if (mounted) {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', small]);
      mounts.push(small);
    } else limitFileSize('2000000');
    const store = await openStore(settingsFor(small));
    await expect(backups.create(s.target, store, s.options(ID))).rejects.toMatchObject({
      code: 'backup_failed',
      result: { backup_error: mounted ? 'no space left on the disk' : 'the file is larger than this disk or process allows' },
      suggestions: [expect.any(String)],
    });
    if (!mounted) limitFileSize('unlimited');
    expect(await readdir(join(small, 'backups'))).toEqual([]);
    await nothingLeft(s);
  });

  function limitFileSize(bytes: string): void {
    execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`]);
  }
});

describe('a damaged dump', () => {
  test('is found by check and refused by prove and restore: cut off, one bit flipped, missing', async () => {
    const s = await scene({ sql: BULK });
    const damages: ((file: string) => Promise<void>)[] = [(file) => truncate(file, 100_000), (file) => flipBit(file, 100_000), (file) => rm(file)];
    for (const [index, damage] of damages.entries()) {
      const record = await backups.create(s.target, s.store, s.options(`${ID}-${index}`));
      await damage(fileOf(s.store, record));
      await expect(backups.check(s.store, record, never)).rejects.toMatchObject({ code: 'backup_unusable' });
      await expect(backups.prove(s.target, s.store, record, never)).rejects.toMatchObject({ code: 'backup_unusable' });
      await expect(backups.restoreBeside(s.target, s.store, record, 'op-1', never)).rejects.toMatchObject({ code: 'backup_unusable' });
    }
    expect(await asAdmin("SELECT datname FROM pg_database WHERE datdba = $1::regrole AND datname <> $2", [s.db.role.name, s.db.name])).toEqual([]);
  });

  test('whose sha256 is right, but whose rows are not those of the snapshot, is not proven', async () => {
    const s = await scene({ sql: BULK });
    const record = await backups.create(s.target, s.store, s.options(ID));
    const lying = { ...record, tables: [{ schema: 'public', table: 'bulk', rows: 20001 }, { schema: 'public', table: 'gone', rows: 1 }] };
    await expect(backups.prove(s.target, s.store, lying, never)).rejects.toMatchObject({
      code: 'backup_unusable',
      result: { differences: [
        { schema: 'public', table: 'bulk', expected: 20001, found: 20000 },
        { schema: 'public', table: 'gone', expected: 1, found: null },
      ] },
    });
    expect((await s.store.getBackup(ID)).level).toBe('checked');
  });
});

test('a whole dump that cannot be restored is not proven, and the error holds no row value', async () => {
  const s = await scene({ sql: `
    CREATE FUNCTION fine(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE TABLE people (name text CHECK (fine(name)));
    INSERT INTO people VALUES ('row-value-4711');
    CREATE OR REPLACE FUNCTION fine(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false'` });
  const record = await backups.create(s.target, s.store, s.options(ID));
  const error = await backups.prove(s.target, s.store, record, never).catch((e: FaberError) => e);
  expect(error).toMatchObject({ code: 'backup_unusable', message: expect.stringMatching(/violates check constraint/) });
  const { message, result, suggestions } = error as FaberError;
  expect(JSON.stringify({ message, result, suggestions })).not.toContain('4711');
  expect((await s.store.getBackup(ID)).level).toBe('checked');
});

test('a restore that the server ends says nothing about the backup', async () => {
  const s = await scene({ sql: `
    CREATE FUNCTION slow(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT pg_sleep(0.2) IS NOT NULL';
    CREATE TABLE people (name text CHECK (slow(name)));
    INSERT INTO people SELECT 'name' FROM generate_series(1, 2);
    CREATE OR REPLACE FUNCTION slow(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT pg_sleep(30) IS NOT NULL'` });
  const record = await backups.create(s.target, s.store, s.options(ID));
  const proving = backups.prove(s.target, s.store, record, never).catch((e: FaberError) => e);
  const end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND datname LIKE 'faber_db_scratch_%' AND query LIKE 'COPY %'";
  await eventually(() => asAdmin(end, [s.db.role.name]), (ended) => ended.length > 0);
  expect(await proving).toMatchObject({ code: 'backup_failed', message: expect.stringMatching(/could not be proven/) as string });
  expect((await s.store.getBackup(ID)).unusable).toBeUndefined();
});

async function flipBit(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0]! ^= 1;
  await handle.write(byte, 0, 1, at);
  await handle.close();
}
