/** A wrong URL in the environment must never wipe another database: what replaces one wants to know that it is the right one. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse, OperationName, SuccessResponse } from '../../src/contract/index.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const MARKER = 'SELECT environment FROM faber_db.marker';

describe('the target of what replaces a database', () => {
  let stacks: Record<'marked' | 'unmarked' | 'fresh', Stack>;
  beforeAll(async () => {
    const backup = { verify: 'checked' };
    stacks = await createStacks({ marked: { backup }, unmarked: { backup }, fresh: {} });
    await Promise.all(Object.values(stacks).map((stack) => stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);', 'DROP TABLE t;')));
  });

  it.concurrent('must not be marked as another environment: dev, whose URL leads to production, restores nothing there', async () => {
    const stack = stacks.marked;
    const backup_id = await migratedAndBackedUp(stack);
    // Unprotected, so nobody would be asked.
    const answer = (await (await stack.start('restore', { environment: 'dev', backup_id })).answer()) as ErrorResponse;
    expect(answer).toMatchObject({ status: 'error', code: 'target_mismatch', result: { marker: 'production' } });
    expect(answer.recovery.suggestions.join('\n')).toContain('UPDATE faber_db.marker');
    expect(await stack.database.query('SELECT id FROM t')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it.concurrent('that has data and no marker is refused, until the request names that very database; what is printed to do so works', async () => {
    const stack = stacks.unmarked;
    const backup_id = await migratedAndBackedUp(stack);
    await stack.database.query('DROP SCHEMA faber_db CASCADE');
    for (const [operation, parameters] of [['restore', { backup_id }], ['rollback-to', { backup_id }]] as const) {
      const refused = (await (await stack.start(operation, parameters)).answer()) as ErrorResponse;
      expect(refused).toMatchObject({ status: 'error', code: 'target_mismatch', error: expect.stringContaining("says that it is 'production'; nothing was changed") as string });
    }
    const refused = (await (await stack.start('restore', { backup_id })).answer()) as ErrorResponse;
    const identity = refused.result!['identity'] as string;
    expect(identity).toMatch(new RegExp(`^postgresql:\\d+/${stack.database.name}$`));
    expect(refused.recovery.suggestions[1]).toContain(`faber-db restore production --backup-id ${backup_id} --adopt ${identity} --working-directory ${stack.directory}`);
    expect(await (await stack.start('restore', { backup_id, adopt: `${identity}_other` })).answer()).toMatchObject({ status: 'error', code: 'target_mismatch' });
    expect(await stack.database.query('SELECT id FROM t')).toEqual([{ id: 1 }, { id: 2 }]);

    expect(await run(stack, 'restore', { backup_id, adopt: identity })).toMatchObject({ status: 'success', result: { restored: backup_id } });
    expect(await stack.database.query(MARKER)).toEqual([{ environment: 'production' }]);
    expect(await stack.database.query('SELECT id FROM t')).toEqual([{ id: 1 }]);
  });

  it.concurrent('is marked by a migrate of an empty database, and of another one by a migrate that names it', async () => {
    const stack = stacks.fresh;
    expect(await (await stack.start('migrate', { environment: 'dev' })).answer()).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });
    expect(await stack.database.query(MARKER)).toEqual([{ environment: 'dev' }]);

    await stack.database.query('DELETE FROM faber_db.marker');
    expect(await (await stack.start('migrate', { environment: 'dev' })).answer()).toMatchObject({ status: 'success', result: { migrations_applied: 0 } });
    expect(await stack.database.query(MARKER)).toEqual([]);
    const [row] = await stack.database.query<{ id: string }>('SELECT system_identifier::text AS id FROM pg_control_system()');
    const adopt = `postgresql:${row!.id}/${stack.database.name}`;
    // In a protected environment somebody else looks first.
    const marking = await stack.start('migrate', { adopt });
    const { plan } = await marking.until((s) => s.phase === 'waiting_for_approval');
    expect(plan!.evidence.ledger_changes).toEqual(["The database is marked as 'production'"]);
    await marking.handle.signal('reject', { plan: plan!.plan_hash, by: 'ana@example.com' });
    expect(await marking.answer()).toMatchObject({ status: 'cancelled' });

    expect(await (await stack.start('migrate', { environment: 'dev', adopt })).answer()).toMatchObject({ status: 'success', result: { migrations_applied: 0 } });
    expect(await stack.database.query(MARKER)).toEqual([{ environment: 'dev' }]);
  });
});

async function migratedAndBackedUp(stack: Stack): Promise<string> {
  expect(await run(stack, 'migrate')).toMatchObject({ status: 'success' });
  const made = (await (await stack.start('backup')).answer()) as SuccessResponse;
  await stack.database.query('INSERT INTO t VALUES (2)');
  return made.result['backup_id'] as string;
}

async function run(stack: Stack, operation: OperationName, parameters: Record<string, unknown> = {}) {
  const started = await stack.start(operation, parameters);
  await started.approve();
  return started.answer();
}
