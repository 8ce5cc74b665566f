import { rm } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse, MigrateResult, SuccessResponse } from '../../src/contract/index.js';
import { createStack, type Stack } from '../support/stack.js';

const FIRST = 'CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL);\nINSERT INTO users SELECT n, \'user\' || n % 9 || \'@example.com\' FROM generate_series(1, 10) n;\n';

describe('a guarded migrate', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await createStack();
    await stack.migration('20260101000000_init', FIRST, 'DROP TABLE users;\n');
  });

  it('plans, waits for the approval of exactly that plan, backs up, applies, checks and answers', async () => {
    const preview = (await (await stack.start('migrate-preview')).answer()) as SuccessResponse;
    expect(preview).toMatchObject({ status: 'success', operation: 'migrate-preview', result: { pending: 1, approval_required: true } });

    const operation = await stack.start('migrate');
    const waiting = await operation.approve();
    expect(waiting.plan?.plan_hash).toBe(preview.result['plan_hash']);
    expect(waiting.plan?.migrations.map((m) => m.name)).toEqual(['20260101000000_init']);
    const answer = (await operation.answer()) as SuccessResponse;
    expect(answer).toMatchObject({ status: 'success', operation: 'migrate', environment: 'production' });
    expect(answer.result as MigrateResult).toMatchObject({ migrations_applied: 1, backup_level: 'proven', health_check: 'passed' });
    expect(await stack.database.query('SELECT count(*)::int AS n FROM users')).toEqual([{ n: 10 }]);
    const ledger = await stack.database.query('SELECT migration_name, applied_steps_count FROM _prisma_migrations WHERE finished_at IS NOT NULL');
    expect(ledger).toEqual([{ migration_name: '20260101000000_init', applied_steps_count: 1 }]);
    expect(await stack.database.query('SELECT environment FROM faber_db.marker')).toEqual([{ environment: 'production' }]);
  });

  it('has nothing to do the second time: no approval, no backup', async () => {
    const answer = (await (await stack.start('migrate')).answer()) as SuccessResponse;
    expect(answer.result).toMatchObject({ migrations_applied: 0, backup_id: null });
  });

  it('undoes by itself what a failed release had applied, and leaves the ledger clean', async () => {
    await stack.migration('20260201000000_flag', 'ALTER TABLE users ADD COLUMN active boolean;\nUPDATE users SET active = true;\n', 'ALTER TABLE users DROP COLUMN active;\n');
    await stack.migration('20260202000000_unique', 'CREATE UNIQUE INDEX users_email ON users (email);\n', 'DROP INDEX users_email;\n');
    const before = await stack.database.query('SELECT * FROM users ORDER BY id');
    const operation = await stack.start('migrate');
    await operation.approve();
    const answer = (await operation.answer()) as ErrorResponse;
    expect(answer).toMatchObject({
      status: 'error',
      code: 'migration_failed',
      result: {
        failed_migration: '20260202000000_unique', statement_line: 1, sql_state: '23505', migrations_applied_before_failure: 1,
        rollback: { status: 'undone', by: 'down', verified: true, reverted: ['20260201000000_flag'] },
      },
    });
    expect(answer.recovery.rollback_command).toBeUndefined();
    expect(JSON.stringify(answer)).not.toContain('@example.com)');
    expect(await stack.database.query('SELECT * FROM users ORDER BY id')).toEqual(before);
    expect(await stack.database.query('SELECT count(*)::int AS n FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL')).toEqual([{ n: 0 }]);
  });

  it('applies the bytes of the approved plan, also when the checkout was deleted during the wait', async () => {
    await rm(`${stack.directory}/prisma/migrations/20260202000000_unique`, { recursive: true });
    const operation = await stack.start('migrate');
    await operation.until((s) => s.phase === 'waiting_for_approval');
    await rm(stack.directory, { recursive: true });
    await operation.approve();
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 1, applied: ['20260201000000_flag'] } });
  });
});
