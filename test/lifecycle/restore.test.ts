/** restore and rollback-to as operations of their own: what answers print as recovery commands. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse, SuccessResponse } from '../../src/contract/index.js';
import { asAdmin } from '../support/postgres.js';
import type { Stack } from '../support/stack.js';
import { rowsIn } from '../support/rows-in.js';
import { createStacks } from '../support/stacks.js';

const IDS = 'SELECT id FROM t ORDER BY id';

describe('going back', () => {
  let stacks: Record<'back' | 'dropped', Stack>;
  beforeAll(async () => {
    const backup = { verify: 'checked' };
    stacks = await createStacks({ back: { backup }, dropped: { backup } });
    await Promise.all(Object.values(stacks).map(async (stack) => {
      await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2);', 'DROP TABLE t;');
      expect(await run(stack, 'migrate')).toMatchObject({ status: 'success' });
    }));
  });

  it.concurrent('to a backup: by restore and by rollback-to, the replaced database kept both times', async () => {
    const stack = stacks.back;
    const made = (await (await stack.start('backup', { label: 'before' })).answer()) as SuccessResponse;
    expect(made).toMatchObject({ status: 'success', result: { label: 'before', level: 'checked', tables: 2 } });
    const backup_id = made.result['backup_id'] as string;
    expect(await (await stack.start('list-backups')).answer()).toMatchObject({ status: 'success', result: { backups: [{ backup_id }, {}], total: 2, damaged: [] } });

    await stack.database.query('INSERT INTO t VALUES (3)');
    const dry = (await (await stack.start('restore', { backup_id, dry_run: true })).answer()) as SuccessResponse;
    expect(dry).toMatchObject({
      status: 'success',
      result: { plan: { evidence: { risk: 'destructive', data_loss: [{ table: 'public.t', rows: 1, exact: false }] }, restore: { backup_id } } },
    });
    expect(JSON.stringify(dry)).toContain('public.t: at least 1 row (3 rows now, 2 in the backup)');
    expect(await stack.database.query(IDS)).toHaveLength(3);

    const restored = (await run(stack, 'restore', { backup_id })) as SuccessResponse;
    expect(restored).toMatchObject({ status: 'success', operation: 'restore', result: { restored: backup_id, rows: 3 } });
    expect(await stack.database.query(IDS)).toEqual([{ id: 1 }, { id: 2 }]);
    const kept = restored.result['replaced_database_kept_as'] as string;
    expect(await rowsIn(stack, kept, IDS)).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);

    await stack.database.query('DELETE FROM t');
    const again = (await run(stack, 'rollback-to', { backup_id })) as SuccessResponse;
    expect(again).toMatchObject({ status: 'success', operation: 'rollback-to', result: { restored: backup_id } });
    expect(await stack.database.query(IDS)).toEqual([{ id: 1 }, { id: 2 }]);
    expect(again.result['replaced_database_kept_as']).not.toBe(kept);
    expect(await rowsIn(stack, kept, IDS)).toHaveLength(3);
    expect(await stack.database.query('SELECT environment FROM faber_db.marker')).toEqual([{ environment: 'production' }]);
    expect(await stack.database.query('SELECT operation FROM faber_db.operations WHERE ended_at IS NOT NULL ORDER BY begun_at')).toEqual([
      { operation: 'migrate' }, { operation: 'restore' }, { operation: 'rollback-to' },
    ]);

    expect(await (await stack.start('restore', { backup_id: 'backup-20200101-000000' })).answer()).toMatchObject({ status: 'error', code: 'backup_not_found' });
    await stack.migration('20260102000000_a', 'CREATE TABLE a (id int);', 'DROP TABLE a;');
    await stack.migration('20260103000000_b', 'CREATE TABLE b (id int);', 'DROP TABLE b;');
    expect(await run(stack, 'migrate')).toMatchObject({ status: 'success' });
    expect(await run(stack, 'rollback-to', { migration: '20260101000000_init' })).toMatchObject({
      status: 'success', result: { migrations_reverted: 2, reverted: ['20260103000000_b', '20260102000000_a'], by: 'down' }, message: 'Undid 2 migrations on production',
    });
    expect(await stack.database.query(`SELECT relname FROM pg_class WHERE relname IN ('a', 'b')`)).toEqual([]);
    // Twice is once.
    expect(await (await stack.start('rollback-to', { migration: '20260101000000_init' })).answer()).toMatchObject({ status: 'success', result: { migrations_reverted: 0, reverted: [] } });
    expect(await (await stack.start('rollback-to', { migration: '20260102000000_a' })).answer()).toMatchObject({ status: 'error', code: 'history_conflict', error: expect.stringContaining('is not applied') as string });
    expect(await run(stack, 'migrate')).toMatchObject({ status: 'success', result: { migrations_applied: 2 } });
    await stack.migration('20260104000000_no_down', 'CREATE TABLE c (id int);');
    expect(await run(stack, 'migrate')).toMatchObject({ status: 'success' });
    const stuck = (await (await stack.start('rollback-to', { migration: '20260103000000_b' })).answer()) as ErrorResponse;
    expect(stuck).toMatchObject({ status: 'error', code: 'plan_failed', error: 'No usable down script for 20260104000000_no_down; nothing was changed' });
    // The backup that fits is named: the one before the migration that cannot be undone by a script.
    const before = await lastBackupBefore(stack, '20260104000000_no_down');
    expect(stuck.recovery.suggestions[1]).toContain(`faber-db rollback-to production --backup-id ${before}`);
  });

  it.concurrent('to a backup of a database that is no more: only the server must be there', async () => {
    const stack = stacks.dropped;
    const made = (await (await stack.start('backup')).answer()) as SuccessResponse;
    await stack.database.drop();
    expect(await run(stack, 'restore', { backup_id: made.result['backup_id'] })).toMatchObject({ status: 'success', result: { replaced_database_kept_as: null } });
    expect(await stack.database.query(IDS)).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await asAdmin('SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1', [stack.database.name])).toEqual([{ owner: stack.database.role.name }]);
  });
});

async function run(stack: Stack, operation: 'migrate' | 'restore' | 'rollback-to', parameters: Record<string, unknown> = {}) {
  const started = await stack.start(operation, parameters);
  await started.approve();
  return started.answer();
}

/** The backup that the migrate which applied it took. */
async function lastBackupBefore(stack: Stack, migration: string): Promise<string> {
  const [row] = await stack.database.query<{ id: string }>("SELECT answer -> 'result' ->> 'backup_id' AS id FROM faber_db.operations WHERE answer -> 'result' -> 'applied' ? $1", [migration]);
  return row!.id;
}
