/** The undo ladder on real failures, rung by rung, and each way out where it stops. */
import { readFile, writeFile } from 'node:fs/promises';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { FaberClient } from '../../src/client/index.js';
import type { ErrorResponse } from '../../src/contract/index.js';
import { eventually } from '../support/eventually.js';
import type { Operation, Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';
import { temporal } from '../support/temporal.js';

const ROWS = 'SELECT id, email FROM users ORDER BY id';
const INIT = "CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, old text);\nINSERT INTO users SELECT n, 'u' || n % 4 || '@example.com' FROM generate_series(1, 5) n;";
const FLAG = 'ALTER TABLE users ADD COLUMN active boolean; UPDATE users SET active = true;';
const UNIQUE = 'CREATE UNIQUE INDEX users_email ON users (email);';

describe('a release that fails', () => {
  let stacks: Record<'restore' | 'hold' | 'ladder' | 'stopped' | 'health' | 'off', Stack>;
  beforeAll(async () => {
    const backup = { verify: 'checked' };
    stacks = await createStacks({
      restore: { backup, safety: { on_failure: 'restore' } },
      hold: { backup, safety: { hold_writes: true } },
      ladder: { backup },
      stopped: { backup, safety: { on_failure: 'stop' } },
      health: { backup, safety: { health_check_before_deploy: false } },
      off: { backup, safety: { rollback_on_migration_failure: false } },
    });
    await Promise.all(Object.values(stacks).map(async (stack) => {
      await stack.migration('20260101000000_init', INIT, 'DROP TABLE users;');
      expect(await applied(stack)).toMatchObject({ status: 'success' });
    }));
  });

  it.concurrent('restores the backup by itself where the approved plan accepts the loss, and keeps the replaced database', async () => {
    const stack = stacks.restore;
    await stack.migration('20260102000000_drop', 'ALTER TABLE users DROP COLUMN old;');
    await stack.migration('20260103000000_unique', UNIQUE);
    const operation = await stack.start('migrate');
    const { plan } = await operation.approve();
    expect(plan!.undo).toBe('restore');
    const answer = (await operation.answer()) as ErrorResponse;
    expect(answer).toMatchObject({ code: 'migration_failed', result: { sql_state: '23505', rollback: { status: 'undone', by: 'restore', verified: true } }, recovery: { can_continue: true } });
    expect(answer.recovery.rollback_command).toBeUndefined();
    expect(await stack.database.query(`SELECT attname FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'old'`)).toHaveLength(1);
    expect(await stack.database.query(ROWS)).toHaveLength(5);
    expect(await stack.database.query('SELECT migration_name FROM _prisma_migrations WHERE rolled_back_at IS NULL')).toEqual([{ migration_name: '20260101000000_init' }]);
    expect(await stack.database.query('SELECT count(*)::int AS n FROM faber_db.operations WHERE ended_at IS NULL')).toEqual([{ n: 0 }]);
    expect(await stack.database.query('SELECT environment FROM faber_db.marker')).toEqual([{ environment: 'production' }]);
    expect(await kept(stack)).toHaveLength(1);
  });

  it.concurrent('holds writes off from before the backup, restores by itself since nothing can be lost, and lets them on again', async () => {
    const stack = stacks.hold;
    const application = new pg.Client({ connectionString: stack.database.url });
    application.on('error', () => {});
    await application.connect();
    await stack.migration('20260102000000_drop', 'ALTER TABLE users DROP COLUMN old; SELECT pg_sleep(3);');
    await stack.migration('20260103000000_unique', UNIQUE);
    const operation = await stack.start('migrate');
    await operation.approve();
    await operation.untilChange((s) => s.phase === 'applying');
    await expect(application.query("INSERT INTO users (id, email) VALUES (98, 'a')")).rejects.toThrow();
    await expect(stack.database.query("INSERT INTO users (id, email) VALUES (99, 'a')")).rejects.toThrow(/read-only transaction/);
    expect(await operation.answer()).toMatchObject({ code: 'migration_failed', result: { rollback: { status: 'undone', by: 'restore', verified: true } } });
    await stack.database.query("INSERT INTO users VALUES (99, 'new', 'b')");
    expect(await stack.database.query(ROWS)).toHaveLength(6);
    await application.end();
  });

  it.concurrent('stops where an undo would lose what was written since, says what each way out costs, and loses nothing', async () => {
    const stack = stacks.ladder;
    await stack.migration('20260102000000_extra', 'CREATE TABLE extra (id int);', 'DROP TABLE extra;');
    await stack.migration('20260103000000_slow', "SELECT pg_sleep(2); CREATE UNIQUE INDEX users_email ON users (email);");
    const operation = await stack.start('migrate');
    await operation.approve();
    await eventually(() => stack.database.query('INSERT INTO extra VALUES (1) RETURNING id').catch(() => []), (rows) => rows.length === 1);
    await stack.database.query("INSERT INTO users VALUES (50, 'since@example.com', NULL)");
    const { answer } = await operation.until((s) => s.answer !== null);
    expect(answer).toMatchObject({
      status: 'error', code: 'migration_failed', waiting_for: ['retry', 'undo', 'restore', 'accept'],
      result: { rollback: { status: 'stopped', costs: { restore: expect.stringMatching(/public\.users \+1 rows/) as string, undo: expect.stringContaining('1 down script') as string } } },
    });
    expect(await stack.database.query('SELECT id FROM extra')).toEqual([{ id: 1 }]);
    await operation.handle.signal('resolve', { choice: 'undo', by: 'ana@example.com', comment: 'the row is known' });
    expect(await operation.answer()).toMatchObject({ result: { rollback: { status: 'undone', by: 'down', verified: true } } });
    expect(await stack.database.query('SELECT id FROM users WHERE id = 50')).toEqual([{ id: 50 }]);
  });

  it.concurrent('waits for a person where the settings say so, and takes each way out, by update and by signal', async () => {
    const stack = stacks.stopped;
    await stack.migration('20260102000000_flag', FLAG, 'ALTER TABLE users DROP COLUMN active;');
    await stack.migration('20260103000000_unique', UNIQUE, 'DROP INDEX users_email;');
    const { address, namespace } = await temporal();
    const client = await FaberClient.connect({ address, namespace, taskQueue: stack.taskQueue, env: {} });
    try {
      const before = await stack.database.query('SELECT * FROM users ORDER BY id');

      const undo = await stoppedOperation(stack);
      await expect(client.resolve(undo.id, { choice: 'resolve', by: 'ana' })).rejects.toMatchObject({ code: 'invalid_request' });
      await client.resolve(undo.id, { choice: 'undo', by: 'ana@example.com' });
      expect(await undo.answer()).toMatchObject({ status: 'error', code: 'migration_failed', result: { rollback: { status: 'undone', by: 'down' } }, recovery: { can_continue: true } });
      expect(await stack.database.query('SELECT * FROM users ORDER BY id')).toEqual(before);

      const restore = await stoppedOperation(stack);
      await restore.handle.signal('resolve', { choice: 'restore', by: 'ana@example.com' });
      expect(await restore.answer()).toMatchObject({ code: 'migration_failed', result: { rollback: { status: 'undone', by: 'restore', verified: true } } });
      expect(await stack.database.query('SELECT * FROM users ORDER BY id')).toEqual(before);
      expect(await kept(stack)).toHaveLength(1);

      const retry = await stoppedOperation(stack);
      await stack.database.query("UPDATE users SET email = 'fixed@example.com' WHERE id = 5");
      await client.resolve(retry.id, { choice: 'retry', by: 'ana@example.com' });
      expect(await retry.answer()).toMatchObject({ status: 'success', result: { applied: ['20260102000000_flag', '20260103000000_unique'] } });

      await stack.migration('20260104000000_more', 'ALTER TABLE users ADD COLUMN more int;', 'ALTER TABLE users DROP COLUMN more;');
      await stack.migration('20260105000000_fails', "INSERT INTO users (id, email) VALUES (1, 'x');");
      const accept = await stoppedOperation(stack);
      await accept.handle.signal('resolve', { choice: 'accept', by: 'ana@example.com' });
      const answer = (await accept.answer()) as ErrorResponse;
      expect(answer).toMatchObject({ code: 'migration_failed', result: { rollback: { status: 'stopped', by: 'person' } } });
      expect(answer.recovery.rollback_command).toBe(`faber-db rollback-to production --migration 20260103000000_unique --working-directory ${stack.directory}`);

      // The command that was printed does what it says.
      const back = await stack.start('rollback-to', { migration: '20260103000000_unique' });
      await back.approve();
      expect(await back.answer()).toMatchObject({ status: 'success', result: { reverted: ['20260104000000_more'] } });
    } finally {
      await client.close();
    }
  });

  it.concurrent('leaves the undo to a person where rollback_on_migration_failure is off', async () => {
    const stack = stacks.off;
    await stack.migration('20260102000000_flag', FLAG, 'ALTER TABLE users DROP COLUMN active;');
    await stack.migration('20260103000000_unique', UNIQUE);
    const operation = await stoppedOperation(stack);
    expect((await operation.state()).answer).toMatchObject({ result: { rollback: { status: 'stopped', reason: 'the settings leave the undo to a person' } } });
    await operation.handle.signal('resolve', { choice: 'undo', by: 'ana@example.com' });
    expect(await operation.answer()).toMatchObject({ result: { rollback: { status: 'undone', by: 'down' } } });
  });

  it.concurrent('because the database is unhealthy afterwards is undone', async () => {
    const stack = stacks.health;
    await stack.migration('20260102000000_flag', FLAG, 'ALTER TABLE users DROP COLUMN active;');
    const file = `${stack.directory}/.fractary/plugins/faber-db/config.json`;
    const config = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    await writeFile(file, JSON.stringify({ ...config, health_checks: { latency_warning_ms: 0.0005, latency_critical_ms: 0.001 } }));
    const operation = await stack.start('migrate');
    await operation.approve();
    expect(await operation.answer()).toMatchObject({
      status: 'error', code: 'health_after_failed',
      result: { health_check: 'failed', connectivity: 'ok', rollback: { status: 'undone', by: 'down', verified: true, reverted: ['20260102000000_flag'] } },
      recovery: { suggestions: [expect.stringContaining('load')] },
    });
    expect(await stack.database.query(`SELECT attname FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'active' AND NOT attisdropped`)).toEqual([]);
  });
});

async function applied(stack: Stack) {
  const operation = await stack.start('migrate');
  await operation.approve();
  return operation.answer();
}

async function stoppedOperation(stack: Stack): Promise<Operation> {
  const operation = await stack.start('migrate');
  await operation.approve();
  await operation.until((s) => s.phase === 'waiting_for_decision');
  return operation;
}

/** Databases that a restore replaced. */
const kept = (stack: Stack) => stack.database.query('SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = current_user AND datname <> current_database()');
