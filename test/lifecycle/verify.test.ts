/** The restore drill through the real operation. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, it } from 'vitest';
import type { ErrorResponse, ListBackupsResult, SuccessResponse } from '../../src/contract/index.js';
import { changeManifest, copyBackup, daysAgo, manifestOf } from '../support/backups.js';
import { asAdmin } from '../support/postgres.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

describe('verify-backup', () => {
  let stacks: Record<'shop' | 'empty' | 'spoilt', Stack>;
  const ask = async (stack: Stack, operation: 'backup' | 'verify-backup' | 'list-backups', parameters: Record<string, unknown> = {}) => (await stack.start(operation, parameters)).answer();
  const takeBackup = async (stack: Stack) => ((await ask(stack, 'backup')) as SuccessResponse).result['backup_id'] as string;
  const listed = async (stack: Stack) => ((await ask(stack, 'list-backups')) as SuccessResponse).result as ListBackupsResult;

  beforeAll(async () => {
    const backup = { verify: 'checked', auto_cleanup: false };
    stacks = await createStacks({ shop: { backup }, empty: { backup }, spoilt: { backup } });
    for (const stack of [stacks.shop, stacks.spoilt]) await stack.database.query('CREATE TABLE t AS SELECT generate_series(1, 5) AS id');
  });

  it.concurrent('restores the newest, or the one that is named, and both at once do not disturb each other', async ({ expect }) => {
    const stack = stacks.shop;
    const newest = await takeBackup(stack);
    await copyBackup(stack.store, newest, 'backup-20260101-000001', { created_at: daysAgo(3), operation_id: null });
    const answers = await Promise.all([ask(stack, 'verify-backup'), ask(stack, 'verify-backup', { backup_id: newest }), ask(stack, 'verify-backup', { backup_id: 'backup-20260101-000001' })]);
    for (const answer of answers) expect(answer).toMatchObject({ status: 'success', result: { level: 'proven', tables: 1, rows: 5, verify_seconds: expect.any(Number) as number } });
    expect(answers.map((answer) => (answer as SuccessResponse).result['backup_id'])).toEqual([newest, newest, 'backup-20260101-000001']);
    expect((await manifestOf(stack.store, newest)).proven_at).not.toBeNull();
    expect(await asAdmin("SELECT datname FROM pg_database WHERE datname LIKE 'faber_db_scratch_%' AND pg_get_userbyid(datdba) = $1", [stack.database.role.name])).toEqual([]);
  });

  it.concurrent('says when there is none, or not this one', async ({ expect }) => {
    expect(await ask(stacks.empty, 'verify-backup')).toMatchObject({ status: 'error', code: 'backup_not_found', error: expect.stringContaining('There is no backup of production') as string });
    expect(await ask(stacks.empty, 'verify-backup', { backup_id: 'backup-20200101-000000' })).toMatchObject({ status: 'error', code: 'backup_not_found' });
  });

  it.concurrent('marks one that cannot be restored, which then is no good one, until it can be', async ({ expect }) => {
    const stack = stacks.spoilt;
    const good = await takeBackup(stack);
    const damaged = 'backup-20260101-000002';
    const folder = await copyBackup(stack.store, good, damaged, { created_at: daysAgo(2) });
    const dump = join(folder, (await manifestOf(stack.store, damaged)).file);
    const bytes = await readFile(dump);
    const spoilt = Buffer.from(bytes);
    spoilt[spoilt.length - 20]! ^= 1;
    await writeFile(dump, spoilt);
    const answer = (await ask(stack, 'verify-backup', { backup_id: damaged })) as ErrorResponse;
    expect(answer).toMatchObject({ status: 'error', code: 'backup_unusable', error: expect.stringContaining('It is marked') as string });
    expect(answer.recovery.suggestions).toContain('Take a new backup now: faber-db backup production');

    // Sound to its last byte, and yet not what its manifest says: only a restore tells.
    const lying = 'backup-20260101-000003';
    const record = await manifestOf(stack.store, good);
    await copyBackup(stack.store, good, lying, { created_at: daysAgo(1), level: 'proven', tables: record.tables!.map((table) => ({ ...table, rows: 4 })) });
    expect(await ask(stack, 'verify-backup', { backup_id: lying })).toMatchObject({
      status: 'error', code: 'backup_unusable', error: expect.stringMatching(/4 row\(s\) expected, 5 found/) as string, result: { differences: [{ expected: 4, found: 5 }] },
    });
    const { backups } = await listed(stack);
    expect(backups.filter((one) => one.unusable).map((one) => one.backup_id)).toEqual([lying, damaged]);
    expect(backups.map((one) => [one.backup_id, one.retention])).toContainEqual([lying, 'kept: not older than 90 days']);

    await changeManifest(stack.store, lying, { tables: record.tables });
    expect(await ask(stack, 'verify-backup', { backup_id: lying })).toMatchObject({ status: 'success' });
    await writeFile(dump, bytes);
    expect(await ask(stack, 'verify-backup', { backup_id: damaged })).toMatchObject({ status: 'success' });
    expect((await listed(stack)).backups.some((one) => one.unusable)).toBe(false);

    await changeManifest(stack.store, good, { level: 'proven', unusable: { found_at: '2026-01-02T05:00:00Z', reason: 'rows are missing' } });
    const status = (await (await stack.start('status')).answer()) as SuccessResponse;
    expect(status.result['environments']).toMatchObject([{ last_backup: { backup_id: good, proven: false }, warnings: expect.arrayContaining([expect.stringContaining('rows are missing')]) as string[] }]);
  });
});
