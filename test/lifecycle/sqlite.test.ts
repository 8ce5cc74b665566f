/** Whole operations on SQLite, and what is left when the worker or the process that runs the script is killed in the middle. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Response, SuccessResponse } from '../../src/contract/index.js';
import { Barriers } from '../faults/barriers.js';
import type { TestDatabase } from '../support/postgres.js';
import { slowSql, sqliteFile, type SqliteFile } from '../support/sqlite.js';
import { createStack, sleep, type Stack, type StackOptions } from '../support/stack.js';
import { tempDir } from '../support/temp.js';

const INIT = 'CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);';

async function scene(options: StackOptions = {}): Promise<{ stack: Stack; db: SqliteFile }> {
  const db = await sqliteFile({ wal: true });
  const database = { url: db.url } as TestDatabase;
  return { db, stack: await createStack({ provider: 'sqlite', database, backup: { verify: 'proven' }, safety: { heartbeat_timeout_seconds: 5 }, ...options }) };
}

async function run(stack: Stack, operation: Parameters<Stack['start']>[0], parameters: Record<string, unknown> = {}, approved = true): Promise<Response> {
  const started = await stack.start(operation, parameters);
  if (approved) await started.approve();
  return started.answer();
}

const ledger = (db: SqliteFile) => db.query('SELECT migration_name AS name, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS back FROM _prisma_migrations ORDER BY started_at');

describe('SQLite, from the start to the answer', () => {
  it.concurrent('migrates, backs up, restores, goes back, tells health and drift', async () => {
    const { stack, db } = await scene();
    await stack.migration('20260101000000_init', INIT, 'DROP TABLE t;');
    expect(await run(stack, 'migrate')).toMatchObject({ status: 'success', result: { migrations_applied: 1, backup_level: 'proven' } });

    const made = (await run(stack, 'backup', {}, false)) as SuccessResponse;
    const backup_id = made.result['backup_id'] as string;
    db.query('INSERT INTO t VALUES (2) RETURNING id');
    const restored = (await run(stack, 'restore', { backup_id })) as SuccessResponse;
    expect(restored).toMatchObject({ status: 'success', result: { restored: backup_id } });
    expect(db.query('SELECT id FROM t')).toEqual([{ id: 1 }]);
    expect(await readdir(join(db.file, '..'))).toContain(restored.result['replaced_database_kept_as']);

    await stack.migration('20260102000000_note', 'ALTER TABLE t ADD COLUMN note TEXT;', 'ALTER TABLE t DROP COLUMN note;');
    expect(await run(stack, 'migrate')).toMatchObject({ status: 'success' });
    expect(await run(stack, 'rollback', { steps: 1 })).toMatchObject({ status: 'success' });
    expect(ledger(db).map(({ back }) => back)).toEqual([0, 1]);

    const healthy = await run(stack, 'health-check', {}, false);
    expect(healthy).toMatchObject({ status: 'success', result: { status: 'healthy' } });
    expect(JSON.stringify(healthy)).toContain('quick_check');
    expect(JSON.stringify(await run(stack, 'status', {}, false))).toContain('"pending"');
  });

  it.concurrent('a new database is made, seeded by nobody, and reset where it may be', async () => {
    const folder = await tempDir();
    const file = join(folder, 'new.db');
    const stack = await createStack({ provider: 'sqlite', database: { url: `file:${file}` } as TestDatabase, environment: { protected: false } });
    await stack.migration('20260101000000_init', INIT);
    expect(await run(stack, 'initialize-database', {}, false)).toMatchObject({ status: 'success' });
    const db = await sqliteFile({ file });
    db.query('INSERT INTO t VALUES (7) RETURNING id');
    expect(await run(stack, 'reset', {}, false)).toMatchObject({ status: 'success' });
    expect(db.query('SELECT id FROM t')).toEqual([{ id: 1 }]);
  });
});

describe('kill -9 in the middle', () => {
  it.concurrent.each(['after-script', 'after-commit'])('of the worker, %s: it runs once', { timeout: 240_000 }, async (point) => {
    const barriers = new Barriers(await tempDir());
    const { stack, db } = await scene({ env: { FABER_DB_TEST_BARRIERS: barriers.folder } });
    await stack.migration('20260101000000_init', INIT);
    await barriers.arm(point);
    const operation = await stack.start('migrate');
    await operation.approve();
    await barriers.reached(point);
    await stack.killWorker();
    await stack.startWorker();
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { applied: ['20260101000000_init'] } });
    expect(ledger(db)).toEqual([{ name: '20260101000000_init', finished: 1, back: 0 }]);
    expect(db.query('SELECT id FROM t')).toEqual([{ id: 1 }]);
  });

  it.concurrent('of the process that runs the script: nothing of it stays, and it runs again, once', { timeout: 240_000 }, async () => {
    const { stack, db } = await scene();
    await stack.migration('20260101000000_init', `${INIT} ${slowSql(2)};`);
    const operation = await stack.start('migrate');
    await operation.approve();
    const worker = stack.worker().pid;
    const busy = async () => (await childrenOf(worker)).find(({ open }) => open.includes(db.file));
    let found = await busy();
    for (; found === undefined || !(await isLocked(db)); found = await busy()) await sleep(20);
    process.kill(found.pid, 'SIGKILL');
    expect(await operation.answer()).toMatchObject({ status: 'success' });
    expect(ledger(db)).toEqual([{ name: '20260101000000_init', finished: 1, back: 0 }]);
    expect(db.query('SELECT id FROM t')).toEqual([{ id: 1 }]);
  });
});

/** Whether somebody is in a changing transaction: asked from outside, since an open file of this process would take our locks away. */
async function isLocked({ file }: SqliteFile): Promise<boolean> {
  const code = "const { DatabaseSync } = require('@photostructure/sqlite'); const d = new DatabaseSync(process.argv[1], { timeout: 0 }); d.exec('BEGIN IMMEDIATE; ROLLBACK')";
  return promisify(execFile)(process.execPath, ['-e', code, file]).then(() => false, () => true);
}

/** Processes of SQLite that this worker has started, and the files that they have open. */
async function childrenOf(worker: number): Promise<{ pid: number; open: string[] }[]> {
  const found: { pid: number; open: string[] }[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) !== worker || !command.includes('sqlite/process/child')) continue;
    const maps = await promisify(execFile)('ls', ['-l', `/proc/${pid}/fd`]).then(({ stdout }) => stdout.split('\n').map((line) => line.split(' -> ')[1] ?? ''), () => []);
    found.push({ pid, open: maps });
  }
  return found;
}
