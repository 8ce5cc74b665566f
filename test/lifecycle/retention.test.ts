/** Retention through the real operation, on a real store and server. */
import { mkdir, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, describe, it } from 'vitest';
import type { CleanupResult, ErrorResponse, ListBackupsResult, SuccessResponse } from '../../src/contract/index.js';
import { changeManifest, copyBackup, daysAgo, manifestOf } from '../support/backups.js';
import { eventually } from '../support/eventually.js';
import { markAs } from '../support/marker.js';
import { asAdmin } from '../support/postgres.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const OLD = 'backup-20250101-00000';
const backup = { verify: 'checked', auto_cleanup: false };
const environment = { backup_retention_days: 30 };

const ask = async (stack: Stack, operation: 'backup' | 'list-backups' | 'cleanup-backups' | 'restore', parameters: Record<string, unknown> = {}) =>
  (await (await stack.start(operation, parameters)).answer()) as SuccessResponse;
async function cleanUp(stack: Stack, apply: boolean): Promise<CleanupResult> {
  const answer = await ask(stack, 'cleanup-backups', { apply });
  if (answer.status !== 'success') throw new Error(JSON.stringify(answer));
  return answer.result as CleanupResult;
}
const ids = (retained: { id: string }[]) => retained.map(({ id }) => id).sort();
const why = ({ kept }: CleanupResult, id: string) => kept.find((one) => one.id === id)?.reason;
const inStore = async (stack: Stack) => (await readdir(join(stack.store, 'backups'))).sort();
const takeBackup = async (stack: Stack) => (await ask(stack, 'backup')).result['backup_id'] as string;

describe('retention', () => {
  let stacks: Record<'rules' | 'change' | 'databases' | 'files' | 'after', Stack>;
  beforeAll(async () => {
    const broken = { ...environment, backup_before_migrate: true };
    stacks = await createStacks({
      rules: { backup, environment },
      change: { backup, environment: broken, safety: { on_failure: 'stop' } },
      databases: { backup, environment },
      files: { backup, environment: broken, safety: { on_failure: 'stop' } },
      after: { backup: { verify: 'checked' }, environment },
    });
  });

  it.concurrent('shows what would go and why each other stays, removes just that, and nothing that a waiting restore needs', async ({ expect }) => {
    const stack = stacks.rules;
    await stack.database.query('CREATE TABLE t (id int)');
    await markAs(stack.database, 'production');
    const newest = await takeBackup(stack);
    const copies = {
      [`${OLD}1`]: { created_at: daysAgo(100) },
      [`${OLD}2`]: { created_at: daysAgo(100), label: 'before-2-0' },
      [`${OLD}3`]: { created_at: daysAgo(100), level: 'proven' as const },
      [`${OLD}4`]: { created_at: daysAgo(200), level: 'proven' as const },
      [`${OLD}5`]: { created_at: daysAgo(100), identity: 'postgresql:1/other' },
      [`${OLD}6`]: { created_at: daysAgo(100) },
      [`${OLD}7`]: { created_at: daysAgo(10) },
    };
    for (const [id, change] of Object.entries(copies)) await copyBackup(stack.store, newest, id, change);
    const restore = await stack.start('restore', { backup_id: `${OLD}6` });
    await restore.until((state) => state.phase === 'waiting_for_approval');

    const shown = await cleanUp(stack, false);
    expect(shown).toMatchObject({ applied: false, retention_days: 30, failed: [] });
    expect(ids(shown.removed)).toEqual([`${OLD}1`, `${OLD}4`]);
    expect(why(shown, newest)).toBe('the newest backup');
    expect(why(shown, `${OLD}2`)).toContain("labelled 'before-2-0'");
    expect(why(shown, `${OLD}3`)).toBe('the newest backup that was proven to restore');
    expect(why(shown, `${OLD}5`)).toContain('of another database');
    expect(why(shown, `${OLD}6`)).toBe(`${restore.id} has not ended and may need it`);
    expect(why(shown, `${OLD}7`)).toBe('not older than 30 days');
    expect(await inStore(stack)).toHaveLength(8);
    const listed = (await ask(stack, 'list-backups')).result as ListBackupsResult;
    expect(listed.backups.map((one) => [one.backup_id, one.retention.split(':')[0]])).toContainEqual([`${OLD}1`, 'goes at the next clean-up']);

    expect(ids((await cleanUp(stack, true)).removed)).toEqual([`${OLD}1`, `${OLD}4`]);
    expect(await inStore(stack)).toEqual([newest, ...[2, 3, 5, 6, 7].map((n) => `${OLD}${n}`)].sort());
    await restore.handle.signal('reject', { plan: (await restore.state()).plan!.plan_hash, by: 'ana@example.com' });
    expect(await restore.answer()).toMatchObject({ status: 'cancelled' });
    expect(ids((await cleanUp(stack, true)).removed)).toEqual([`${OLD}6`]);
  });

  it.concurrent('leaves the backup to a change that holds it as its way back, also when that was cut off', async ({ expect }) => {
    const stack = stacks.change;
    await stack.migration('20260101000000_init', 'CREATE TABLE t (id int);');
    await stack.migration('20260102000000_bad', 'SELECT 1/0;');
    const migrate = await stack.start('migrate');
    await migrate.approve();
    const waiting = await migrate.until((state) => state.phase === 'waiting_for_decision');
    const held = (waiting.answer as ErrorResponse).recovery.backup_id!;
    await changeManifest(stack.store, held, { created_at: daysAgo(100) });
    const meanwhile = await takeBackup(stack);
    expect(await manifestOf(stack.store, meanwhile)).toMatchObject({ incomplete_state: migrate.id });
    expect(why(await cleanUp(stack, true), held), 'a half-made change is no better one').toBe('the newest backup');
    await copyBackup(stack.store, held, `${OLD}1`, { created_at: daysAgo(1), operation_id: null });
    expect(why(await cleanUp(stack, true), held)).toBe(`${migrate.id} has not ended and may need it`);
    // Killed from outside, operation and change: only the database knows that it never ended.
    await stack.client.workflow.getHandle(waiting.change_workflow_id!).terminate();
    await migrate.answer().catch(() => undefined);
    expect(why(await cleanUp(stack, true), held)).toBe(`${migrate.id} has not ended and may need it`);
    await stack.database.query('UPDATE faber_db.operations SET ended_at = now()');
    expect(ids((await cleanUp(stack, true)).removed)).toEqual([held]);
  });

  it.concurrent('finds the databases that restores replaced and drops the old ones, never one in use or of unknown origin', async ({ expect }) => {
    const stack = stacks.databases;
    const { database } = stack;
    await database.query('CREATE TABLE t (id int)');
    await markAs(database, 'production');
    const backup_id = await takeBackup(stack);
    const replaced: string[] = [];
    for (const _ of [1, 2]) {
      const operation = await stack.start('restore', { backup_id });
      await operation.approve();
      replaced.push(((await operation.answer()) as SuccessResponse).result['replaced_database_kept_as'] as string);
    }
    const lookalike = `${database.name}_replaced_0123456789`;
    await database.query(`CREATE DATABASE ${pg.escapeIdentifier(lookalike)}`);
    await database.query(`UPDATE faber_db.operations SET begun_at = now() - interval '100 days', ended_at = now() - interval '100 days'
      WHERE operation_id = (SELECT operation_id FROM faber_db.operations ORDER BY begun_at LIMIT 1)`);
    const listed = (await ask(stack, 'list-backups')).result as ListBackupsResult;
    expect(ids(listed.kept_databases.map(({ name }) => ({ id: name })))).toEqual([...replaced, lookalike].sort());
    expect(listed.kept_databases.find(({ name }) => name === replaced[0])).toMatchObject({ environment: 'production', retention: expect.stringContaining('goes at the next clean-up') as string });

    const url = new URL(database.url);
    url.pathname = `/${replaced[0]!}`;
    const somebody = new pg.Client({ connectionString: url.href });
    await somebody.connect();
    const inUse = await cleanUp(stack, true);
    expect(inUse.removed).toEqual([]);
    expect(why(inUse, replaced[0]!)).toContain('it is in use');
    await somebody.end();
    const done = await eventually(() => cleanUp(stack, true), ({ removed }) => removed.length > 0);
    expect(done.removed).toMatchObject([{ kind: 'database', id: replaced[0] }]);
    expect(why(done, replaced[1]!)).toBe('not older than 30 days');
    expect(why(done, lookalike)).toContain('no operation is known that replaced it');
    const there = await asAdmin('SELECT datname FROM pg_database WHERE datname LIKE $1 ORDER BY 1', [`${database.name}%`]);
    expect(there.map((row) => row['datname'])).toEqual([database.name, lookalike, replaced[1]!].sort());
  });

  it.concurrent('takes plans and error texts that no operation needs any more', async ({ expect }) => {
    const stack = stacks.files;
    await stack.migration('20260101000000_bad', 'SELECT 1/0;');
    const failed = await stack.start('migrate');
    await failed.approve();
    await failed.answer();
    await stack.migration('20260101000000_bad', 'CREATE TABLE t (id int);');
    const waiting = await stack.start('migrate');
    const { plan } = await waiting.until((state) => state.phase === 'waiting_for_approval');
    for (const folder of ['artifacts', 'errors']) {
      for (const name of await readdir(join(stack.store, folder))) await utimes(join(stack.store, folder, name), new Date(daysAgo(100)), new Date(daysAgo(100)));
    }
    expect(await cleanUp(stack, false)).toMatchObject({ plan_artifacts: 1, error_details: 1 });
    expect(await cleanUp(stack, true)).toMatchObject({ plan_artifacts: 1, error_details: 1 });
    expect(await readdir(join(stack.store, 'artifacts'))).toEqual([plan!.artifact]);
    expect(await readdir(join(stack.store, 'errors'))).toEqual([]);
    await waiting.approve();
    expect(await waiting.answer()).toMatchObject({ status: 'success' });
  });

  it.concurrent('runs after a backup where auto_cleanup is on, and a failure of it leaves the backup a success', async ({ expect }) => {
    const stack = stacks.after;
    const first = await takeBackup(stack);
    await changeManifest(stack.store, first, { created_at: daysAgo(100) });
    const second = await ask(stack, 'backup');
    expect(second).toMatchObject({ status: 'success', result: { cleanup: { removed: [first] } } });
    expect(await inStore(stack)).toEqual([second.result['backup_id']]);
    await changeManifest(stack.store, second.result['backup_id'] as string, { created_at: daysAgo(100) });
    // A folder where a file is read.
    await mkdir(join(stack.store, 'references', 'x.json'));
    const third = await ask(stack, 'backup');
    expect(third).toMatchObject({ status: 'success', result: { level: 'checked', cleanup: { error: expect.stringContaining('Could not read what operations need') as string } } });
    expect(await inStore(stack)).toEqual([second.result['backup_id'], third.result['backup_id']]);
  });
});
