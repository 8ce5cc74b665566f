/** Databases that others migrated before: without a ledger (Prisma's P3005), or with a failed row in it (P3009). */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse } from '../../src/contract/index.js';
import { addLedgerRow, createLedger } from '../support/ledger.js';
import { migrateStatus, writeProject } from '../support/prisma-cli.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const INIT = 'CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL);';
const MORE = 'ALTER TABLE users ADD COLUMN name text;';

describe('an existing database', () => {
  let stacks: Record<'equal' | 'other' | 'applied' | 'rolledBack', Stack>;
  beforeAll(async () => {
    const backup = { verify: 'checked' };
    stacks = await createStacks({ equal: { backup }, other: { backup }, applied: { backup }, rolledBack: { backup } });
    await Promise.all(Object.values(stacks).map(async (stack) => {
      await stack.migration('20260101000000_init', INIT);
      await stack.migration('20260102000000_more', MORE, 'ALTER TABLE users DROP COLUMN name;');
      await stack.database.query(INIT);
    }));
  });

  it.concurrent('without a ledger is refused, then gets a baseline that was compared and approved, and what comes after it', async () => {
    const stack = stacks.equal;
    const refused = (await (await stack.start('migrate')).answer()) as ErrorResponse;
    expect(refused).toMatchObject({ code: 'history_conflict', recovery: { suggestions: [expect.stringContaining('--baseline')] } });
    expect(await (await stack.start('migrate', { baseline: '20260109000000_none' })).answer()).toMatchObject({ code: 'invalid_request' });
    expect(await stack.database.query(`SELECT relname FROM pg_class WHERE relname = '_prisma_migrations'`)).toEqual([]);

    const operation = await stack.start('migrate', { baseline: '20260101000000_init' });
    const { plan } = await operation.approve();
    expect(plan).toMatchObject({ baseline: ['20260101000000_init'], migrations: [{ name: '20260102000000_more' }], evidence: { ledger_changes: ['20260101000000_init: recorded as applied without running'] } });
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 1, baselined: 1 } });
    await writeProject(stack.directory, {});
    expect(await migrateStatus(stack.directory, stack.database.url)).toMatchObject({ exitCode: 0 });
    expect(await (await stack.start('migrate', { baseline: '20260101000000_init' })).answer()).toMatchObject({ status: 'success', result: { migrations_applied: 0 } });
  });

  it.concurrent('whose schema is not that of the baseline is refused with the differences, and nothing is recorded', async () => {
    const stack = stacks.other;
    await stack.database.query('ALTER TABLE users ADD COLUMN surprise int');
    const answer = (await (await stack.start('migrate', { baseline: '20260101000000_init' })).answer()) as ErrorResponse;
    expect(answer).toMatchObject({ code: 'history_conflict', error: expect.stringContaining('nothing was changed') as string });
    expect(JSON.stringify(answer.result?.['differences'])).toContain('surprise');
    expect(await stack.database.query(`SELECT relname FROM pg_class WHERE relname = '_prisma_migrations'`)).toEqual([]);
    expect(await stack.database.query(`SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = current_user AND datname <> current_database()`)).toEqual([]);
  });

  it.concurrent('with a failed migration of another runner shows it with evidence, and takes "applied" only with the decision', async () => {
    const stack = stacks.applied;
    await leaveFailed(stack);
    await stack.database.query(MORE);
    const operation = await stack.start('migrate');
    const { plan } = await operation.until((s) => s.phase === 'waiting_for_approval');
    expect(plan).toMatchObject({ resolve: ['20260102000000_more'] });
    expect(plan!.evidence.findings.map((f) => f.message).join('\n')).toMatch(/P3009/);
    await operation.handle.signal('approve', { plan: plan!.plan_hash, by: 'ana@example.com' });
    const { refused } = await operation.until((s) => s.refused_count === 1);
    expect(refused[0]!.reason).toContain('say what happened to 20260102000000_more');
    await operation.approve({ resolve: { '20260102000000_more': 'applied' } });
    expect(await operation.answer()).toMatchObject({ status: 'success' });
    await writeProject(stack.directory, {});
    expect(await migrateStatus(stack.directory, stack.database.url)).toMatchObject({ exitCode: 0 });
    expect(await stack.database.query('SELECT name FROM users')).toEqual([]);
  });

  it.concurrent('with a failed migration that was rolled back runs it again', async () => {
    const stack = stacks.rolledBack;
    await leaveFailed(stack);
    const operation = await stack.start('migrate');
    await operation.approve({ resolve: { '20260102000000_more': 'rolled_back' } });
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { applied: ['20260102000000_more'] } });
    await writeProject(stack.directory, {});
    expect(await migrateStatus(stack.directory, stack.database.url)).toMatchObject({ exitCode: 0 });
    expect(await stack.database.query('SELECT name FROM users')).toEqual([]);
  });
});

async function leaveFailed(stack: Stack): Promise<void> {
  await createLedger(stack);
  await addLedgerRow(stack, '20260101000000_init');
  await addLedgerRow(stack, '20260102000000_more', 'A migration failed to apply.');
}
