/** Backups of another database than the target, and backups that cannot be used: told before anything is changed. */
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BackupRecord, ErrorResponse, PlanSummary, SuccessResponse } from '../../src/contract/index.js';
import { copyBackup, manifestOf } from '../support/backups.js';
import { eventually } from '../support/eventually.js';
import { markAs } from '../support/marker.js';
import { asAdmin, createDatabase, type TestDatabase } from '../support/postgres.js';
import { createStack, type Stack } from '../support/stack.js';
import { tempDir } from '../support/temp.js';

const TABLE = `CREATE TABLE t (id int PRIMARY KEY); CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE mood AS ENUM ('ok');`;

describe('a restore of a backup', () => {
  let stack: Stack;
  let staging: TestDatabase;
  let barriers: string;
  const made: Record<string, string> = {};

  beforeAll(async () => {
    staging = await createDatabase();
    barriers = await tempDir();
    stack = await createStack({ backup: { verify: 'checked' }, environments: { staging: { connection_string_env: 'STAGING_URL' } }, env: { STAGING_URL: staging.url, FABER_DB_TEST_BARRIERS: barriers } });
    await stack.database.query(`${TABLE} GRANT SELECT ON t TO PUBLIC; INSERT INTO t VALUES (1), (2)`);
    await staging.query(`${TABLE} INSERT INTO t VALUES (7)`);
    await markAs(stack.database, 'production');
    await markAs(staging, 'staging');
    for (const environment of ['production', 'staging']) {
      const answer = (await (await stack.start('backup', { environment })).answer()) as SuccessResponse;
      expect(answer).toMatchObject({ status: 'success' });
      made[environment] = answer.result['backup_id'] as string;
    }
  });

  const asked = async (parameters: Record<string, unknown>) => (await stack.start('restore', parameters)).answer();
  const findingsOf = (answer: unknown) => ((answer as SuccessResponse).result['plan'] as PlanSummary).evidence.findings;

  it.concurrent('of another environment is refused unless the request says whose it is', async ({ expect }) => {
    const refused = (await asked({ environment: 'staging', backup_id: made['production'] })) as ErrorResponse;
    expect(refused).toMatchObject({ status: 'error', code: 'backup_unusable', error: expect.stringContaining('is a backup of another database (production: ') as string });
    expect(refused.recovery.suggestions).toContainEqual(expect.stringContaining(`faber-db restore staging --backup-id ${made['production']!} --from production`));
    expect(await asked({ environment: 'staging', backup_id: made['production'], from: 'dev' })).toMatchObject({
      code: 'backup_unusable', error: expect.stringContaining("is a backup of 'production', not of 'dev'; nothing was changed") as string,
    });
  });

  it.concurrent('of an unprotected environment into a protected one is shown as a danger', async ({ expect }) => {
    const plan = await asked({ backup_id: made['staging'], from: 'staging', dry_run: true });
    expect(plan).toMatchObject({ status: 'success', result: { approval_required: true } });
    expect(findingsOf(plan)).toContainEqual({ level: 'danger', message: expect.stringContaining("the data of 'staging'") as string });
  });

  it.concurrent('of this environment on another server is named, and keeps owners and grants', async ({ expect }) => {
    const backup_id = await altered('backup-20260101-000001', { identity: 'postgresql:1/gone' });
    expect(await asked({ backup_id, dry_run: true })).toMatchObject({ code: 'backup_unusable' });
    const findings = findingsOf(await asked({ backup_id, from: 'production', dry_run: true }));
    expect(findings).toContainEqual({ level: 'warning', message: expect.stringContaining('postgresql:1/gone') as string });
    expect(JSON.stringify(findings)).not.toContain('owners and grants of the backup are not taken along');
  });

  it.concurrent('that failed to restore before, or holds a half-made change, says so before it is approved', async ({ expect }) => {
    const backup_id = await altered('backup-20260101-000005', { unusable: { found_at: '2026-01-02T05:00:00Z', reason: 'rows are missing' }, incomplete_state: 'op-1' });
    const findings = findingsOf(await asked({ backup_id, dry_run: true }));
    expect(findings).toContainEqual({ level: 'danger', message: expect.stringContaining('and failed: rows are missing') as string });
    expect(findings).toContainEqual({ level: 'warning', message: expect.stringContaining('in the middle of op-1') as string });
  });

  it.concurrent('of a newer server, a truncated and a damaged one end before anything is changed', async ({ expect }) => {
    const newer = await altered('backup-20260101-000002', { server_version: '99.1' });
    expect(await asked({ backup_id: newer })).toMatchObject({
      code: 'restore_failed', error: expect.stringContaining('nothing was changed') as string,
      result: { obstacles: [expect.stringContaining('the backup is of PostgreSQL 99, and the server is only')] },
    });
    const truncated = await altered('backup-20260101-000003', {}, (file) => truncate(file, 100));
    expect(await asked({ backup_id: truncated })).toMatchObject({ code: 'backup_unusable', error: expect.stringContaining('has 100 bytes instead of') as string });
    const flipped = await altered('backup-20260101-000004', {}, async (file) => {
      const bytes = await readFile(file);
      bytes[bytes.length - 20]! ^= 1;
      await writeFile(file, bytes);
    });
    expect(await asked({ backup_id: flipped })).toMatchObject({ code: 'backup_unusable', error: expect.stringContaining('its dump is damaged') as string });
    expect(await stack.database.query('SELECT FROM t')).toHaveLength(2);
  });

  it('of production into staging makes staging what production was, for the role of staging, and keeps the replaced database', async () => {
    const dry = await asked({ environment: 'staging', backup_id: made['production'], from: 'production', dry_run: true });
    expect(findingsOf(dry)).toContainEqual({ level: 'warning', message: expect.stringContaining("the data of 'production'") as string });
    const answer = (await asked({ environment: 'staging', backup_id: made['production'], from: 'production' })) as SuccessResponse;
    expect(answer).toMatchObject({ status: 'success', result: { restored: made['production'], rows: 2 } });
    expect(await staging.query('SELECT id FROM t ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await staging.query(`SELECT DISTINCT pg_get_userbyid(relowner) AS owner, relacl FROM pg_class WHERE relname = 't'`)).toEqual([{ owner: staging.role.name, relacl: null }]);
    expect(answer.result['replaced_database_kept_as']).toMatch(new RegExp(`^${staging.name}_replaced_`));
    expect(await stack.database.query('SELECT FROM t')).toHaveLength(2);
  });

  it('that is ended in the middle leaves the old database serving, and the next one clears up and goes on', async () => {
    const { database } = stack;
    await writeFile(join(barriers, 'in-restore.stop'), '');
    const ended = await stack.start('restore', { backup_id: made['production'] });
    await ended.approve();
    await eventually(() => readdir(barriers), (names) => names.includes('in-restore.reached'));
    await database.query('INSERT INTO t VALUES (3)');
    const { change_workflow_id: change } = await ended.state();
    await stack.client.workflow.getHandle(change!).terminate('a test');
    expect(await ended.answer()).toMatchObject({ status: 'error', code: 'interrupted_operation' });
    // What still runs of it stands at the barrier until it hears of the end.
    await database.query('INSERT INTO t VALUES (4)');

    const next = await stack.start('restore', { backup_id: made['production'] });
    await next.approve();
    const answer = (await next.answer()) as SuccessResponse;
    expect(answer).toMatchObject({ status: 'success' });
    const kept = answer.result['replaced_database_kept_as'] as string;
    expect(await database.query('SELECT id FROM t ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
    const there = await asAdmin('SELECT datname FROM pg_database WHERE datname LIKE $1 ORDER BY datname', [`${database.name}%`]);
    expect(there).toEqual([{ datname: database.name }, { datname: kept }]);
    expect(await database.query('SELECT count(*)::int AS open FROM faber_db.operations WHERE ended_at IS NULL')).toEqual([{ open: 0 }]);
  });

  /** A copy of production's backup under another id, changed as a test needs it. */
  async function altered(id: string, change: Partial<BackupRecord>, spoil: (dump: string) => Promise<void> = () => Promise.resolve()): Promise<string> {
    const folder = await copyBackup(stack.store, made['production']!, id, change);
    await spoil(join(folder, (await manifestOf(stack.store, id)).file));
    return id;
  }
});
