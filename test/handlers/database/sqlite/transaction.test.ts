/** One fenced transaction on a file, and what is left of it whatever ends it. */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { holdOpen, slowSql } from '../../../support/sqlite.js';
import { database, options, scene } from './scene.js';

const STEP = { migration: 'm', action: 'applied', ledgerId: 'id' } as const;

describe.each([['a rollback journal', false], ['a write-ahead log', true]])('with %s', (_name, wal) => {
  test('script and record are there together, and the step of it', async () => {
    const { db, target, fence } = await scene({ wal });
    await database.inTransaction(target, fence, { ...options(), step: STEP }, (session) => session.script('CREATE TABLE a (x); INSERT INTO a VALUES (1)'), async (session) => void (await session.query('INSERT INTO a VALUES (?)', [2])));
    expect(db.query('SELECT x FROM a')).toEqual([{ x: 1 }, { x: 2 }]);
    expect(await database.bookkeeping.steps(target, 'op-1')).toEqual([expect.objectContaining(STEP.migration ? { migration: 'm', action: 'applied', ledger_id: 'id' } : {})]);
  });

  test('an error in the middle takes all of it back, and names the statement without values', async () => {
    const { db, target, run } = await scene({ wal });
    const error = await run("CREATE TABLE a (x UNIQUE);\n\nINSERT INTO a VALUES ('secret');\nINSERT INTO a\n  VALUES ('secret')", { ...options(), step: STEP }).catch((e: unknown) => e);
    expect(error).toMatchObject({ failure: { sqlState: 'SQLITE_CONSTRAINT_UNIQUE', line: 4, statementIndex: 2, statement: 'INSERT INTO a VALUES (?)', connectionLost: false, message: 'UNIQUE constraint failed: a.x' } });
    expect(db.query("SELECT name FROM sqlite_master")).toEqual([]);
    expect(await database.bookkeeping.steps(target, 'op-1')).toEqual([]);
  });

  test('a database that another process holds is tried again and again, then given up; nothing was changed', async () => {
    const { db, run } = await scene({ wal });
    const release = await holdOpen(db.file, 'BEGIN IMMEDIATE');
    const waited: string[] = [];
    await expect(run('CREATE TABLE a (x)', options({ lockTimeoutSeconds: 2, onWait: (what) => waited.push(what) }))).rejects.toMatchObject({ code: 'lock_timeout' });
    await Promise.all([run('CREATE TABLE a (x)', options({ lockTimeoutSeconds: 20 })), sleep(500).then(release)]);
    expect(waited.join()).toContain('locked');
    expect(db.query('SELECT count(*) AS n FROM a')).toEqual([{ n: 0 }]);
  });

  test('what others committed is told from what is our own', async () => {
    const { db, target, run } = await scene({ wal });
    // The log of a file ends with its last user.
    const release = await holdOpen(db.file, 'CREATE TABLE a (x)');
    try {
      await run('INSERT INTO a VALUES (1)', { ...options(), step: STEP });
      const [step] = await database.bookkeeping.steps(target, 'op-1');
      const since = () => database.nothingWrittenSince(target, { position: step!.xid! }, 'op-1');
      expect(await since()).toMatchObject({ proven: true });
      await run('INSERT INTO a VALUES (2)');
      expect(await since()).toMatchObject({ proven: true });
      expect(await database.nothingWrittenSince(target, { position: step!.xid! }, 'op-2')).toMatchObject({ proven: false });
      db.query('INSERT INTO a VALUES (3) RETURNING x');
      expect(await since()).toMatchObject({ proven: false });
      await run('INSERT INTO a VALUES (4)');
      expect(await since()).toMatchObject({ proven: false });
    } finally {
      await release();
    }
  });
});

describe('foreign keys', () => {
  const TABLES = 'CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (p INTEGER REFERENCES parent (id) ON DELETE CASCADE); INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (1), (2)';
  const REBUILD = 'CREATE TABLE new_parent (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO new_parent (id) SELECT id FROM parent; DROP TABLE parent; ALTER TABLE new_parent RENAME TO parent';

  test('a parent that is rebuilt takes no child along', async () => {
    const { db, run } = await scene();
    await run(TABLES);
    await run(REBUILD, { ...options(), withoutForeignKeys: true });
    expect(db.query('SELECT count(*) AS n FROM child')).toEqual([{ n: 2 }]);
  });

  test('enforced, the same script would: that is why they are switched off', async () => {
    const { db, run } = await scene();
    await run(TABLES);
    await run(REBUILD);
    expect(db.query('SELECT count(*) AS n FROM child')).toEqual([{ n: 0 }]);
  });

  test('rows that refer to none afterwards undo it, those from before do not', async () => {
    const { db, run } = await scene();
    await run(TABLES);
    const without = { ...options(), withoutForeignKeys: true };
    await expect(run('DELETE FROM parent WHERE id = 1', without)).rejects.toMatchObject({ failure: { sqlState: 'SQLITE_CONSTRAINT_FOREIGNKEY', message: expect.stringContaining('child → parent: 1 row') } });
    expect(db.query('SELECT count(*) AS n FROM parent')).toEqual([{ n: 2 }]);
    await holdOpen(db.file, 'PRAGMA foreign_keys = OFF; DELETE FROM parent WHERE id = 1').then((release) => release());
    await run('CREATE TABLE other (x)', without);
    expect(db.query('SELECT count(*) AS n FROM other')).toEqual([{ n: 0 }]);
  });
});

describe('the fence', () => {
  test('who lost it changes nothing; a new one is always higher, also after the sidecar was deleted', async () => {
    const { db, target, fence, run } = await scene();
    const next = await database.bookkeeping.takeFence(target, 'op-2', options());
    expect(Number(next.token)).toBeGreaterThan(Number(fence.token));
    await expect(run('CREATE TABLE a (x)')).rejects.toMatchObject({ code: 'fenced_off' });
    await rm(`${db.file}.faber-db`);
    await expect(run('CREATE TABLE a (x)', options(), next)).rejects.toMatchObject({ code: 'fenced_off' });
    const again = await database.bookkeeping.takeFence(target, 'op-1', options());
    expect(Number(again.token)).toBeGreaterThan(Number(next.token));
    await run('CREATE TABLE a (x)', options(), again);
    expect(db.query('SELECT count(*) AS n FROM a')).toEqual([{ n: 0 }]);
  });

  test('a sidecar that is exchanged in the middle of a change undoes it', async () => {
    const { db, target, fence } = await scene();
    const change = database.inTransaction(target, fence, options(), async (session) => {
      await session.script('CREATE TABLE a (x)');
      await rm(`${db.file}.faber-db`);
      await database.bookkeeping.ensure(target);
    });
    await expect(change).rejects.toMatchObject({ code: 'fenced_off' });
    expect(db.query('SELECT name FROM sqlite_master')).toEqual([]);
  });

  test('whoever takes it ends the holder that is in the middle of a script', async () => {
    const { db, target, run } = await scene();
    const running = run(`CREATE TABLE a (x); ${slowSql(60)}`, { ...options({ timeoutSeconds: 120 }), step: STEP }).catch((error: unknown) => error);
    await sleep(700);
    const started = Date.now();
    const fence = await database.bookkeeping.takeFence(target, 'op-2', options({ lockTimeoutSeconds: 20 }));
    expect(Date.now() - started).toBeLessThan(15_000);
    expect(await running).toMatchObject({ failure: { connectionLost: true } });
    expect(db.query('SELECT name FROM sqlite_master')).toEqual([]);
    expect(await database.bookkeeping.steps(target, 'op-1')).toEqual([]);
    await database.bookkeeping.begin(target, fence, { operation_id: 'op-2', operation: 'migrate', environment: 'dev', request_digest: 'd', plan_hash: null, artifact: null, requested_by: null }, null);
  });

  test('an attempt that woke up late is refused, and so is one of an operation that has ended', async () => {
    const { target } = await scene();
    await database.bookkeeping.takeFence(target, 'op-1', options({ attemptAt: 2000 }));
    await expect(database.bookkeeping.takeFence(target, 'op-1', options({ attemptAt: 1000 }))).rejects.toMatchObject({ code: 'fenced_off' });
    await database.bookkeeping.takeFence(target, 'op-1', options({ attemptAt: 3000 }));
  });
});

test('a step counts after a crash when its proof finds it, and not before', async () => {
  const { db, target, fence } = await scene();
  const proof = "SELECT 1 FROM ledger WHERE id = 'id'";
  await database.inTransaction(target, fence, { ...options(), step: { ...STEP, proof } }, (session) => session.script("CREATE TABLE ledger (id); INSERT INTO ledger VALUES ('id')"));
  // As a crash between the two commits leaves it.
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const sidecar = new DatabaseSync(`${db.file}.faber-db`);
  sidecar.prepare('UPDATE steps SET proof = ?').run(proof);
  sidecar.close();
  expect(await database.bookkeeping.steps(target, 'op-1')).toHaveLength(1);
  db.query("DELETE FROM ledger WHERE id = 'id' RETURNING 1");
  expect(await database.bookkeeping.steps(target, 'op-1')).toEqual([]);
});
