/** Whole operations on a database that RDS hosts: backed up by snapshots, undone and restored by exchanging instances. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import pg from 'pg';
import type { ErrorResponse, SuccessResponse } from '../../src/contract/index.js';
import { uniqueName } from '../support/aws.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { RdsCloud } from '../support/rds-cloud.js';
import { createStack, type Stack } from '../support/stack.js';
import { tempDir } from '../support/temp.js';
import { Barriers } from '../faults/barriers.js';

const id = uniqueName('shop');
let cloud: RdsCloud;
let stack: Stack;
let barriers: Barriers;

/** The same database by the name of the instance, whichever has it. */
function named(db: TestDatabase): TestDatabase {
  const url = new URL(db.url);
  ({ host: url.hostname } = cloud.address(id));
  url.port = String(cloud.port);
  const query: TestDatabase['query'] = async (sql, params) => {
    const client = new pg.Client({ connectionString: url.href });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(sql, params)).rows as never;
    } finally {
      await client.end();
    }
  };
  return { ...db, url: url.href, query };
}

beforeAll(async () => {
  barriers = new Barriers(await tempDir());
  cloud = await RdsCloud.start();
  const server = await cloud.create(id, { DeletionProtection: true });
  stack = await createStack({
    database: named(await createDatabase({ name: 'shop', server })), env: { ...cloud.variables, FABER_DB_TEST_BARRIERS: barriers.folder },
    environment: { hosting: 'aws-rds', rds_instance_id: id }, safety: { on_failure: 'restore', heartbeat_timeout_seconds: 5 },
  });
  await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2);', 'DROP TABLE t;');
});
afterAll(() => cloud.stop());

async function run(operation: 'migrate' | 'restore', parameters = {}) {
  const started = await stack.start(operation, parameters);
  await started.approve();
  return started.answer();
}

describe('an environment on RDS', () => {
  it('backs up by snapshots, and a failed migration is undone by exchanging instances', async () => {
    const first = (await run('migrate')) as SuccessResponse;
    expect(first).toMatchObject({ status: 'success', result: { migrations_applied: 1, backup_level: 'checked' } });
    const backup_id = first.result['backup_id'] as string;
    const preview = (await (await stack.start('migrate', { dry_run: true })).answer()) as SuccessResponse;
    expect(preview.status).toBe('success');

    const serving = cloud.resourceIdOf(id);
    await stack.migration('20260102000000_lossy', 'ALTER TABLE t ADD COLUMN note text; DELETE FROM t WHERE id = 1;');
    await stack.migration('20260103000000_fails', 'INSERT INTO t VALUES (2);');
    const failed = (await run('migrate')) as ErrorResponse;
    expect(failed).toMatchObject({ status: 'error', code: 'migration_failed', result: { failed_migration: '20260103000000_fails', rollback: { status: 'undone', by: 'restore', verified: true } } });
    // Another instance has the name, and the data of the snapshot that was taken right before.
    expect(cloud.resourceIdOf(id)).not.toBe(serving);
    expect(await stack.database.query('SELECT * FROM t ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await stack.database.query('SELECT operation FROM faber_db.operations WHERE ended_at IS NULL')).toEqual([]);

    // The worker dies while the snapshot is made, and again when no instance has the name.
    await barriers.arm('in-snapshot');
    await barriers.arm('swap-between-renames');
    const restoring = await stack.start('restore', { backup_id });
    await restoring.approve();
    for (const point of ['in-snapshot', 'swap-between-renames']) {
      await barriers.reached(point);
      await stack.killWorker();
      if (point === 'swap-between-renames') expect(cloud.server(id)).toBeNull();
      await stack.startWorker();
    }
    const restored = (await restoring.answer()) as SuccessResponse;
    expect(restored).toMatchObject({ status: 'success', result: { restored: backup_id, rows: null, replaced_database_kept_as: expect.stringMatching(`^${id}-replaced-`) as string } });
    await expect(stack.database.query('SELECT * FROM t')).rejects.toMatchObject({ code: '42P01' });
    const listed = (await (await stack.start('list-backups')).answer()) as SuccessResponse;
    expect(listed.result).toMatchObject({ total: 3, backups: [{ tables: null, rows: null, level: 'checked' }, {}, {}], kept_databases: [{ environment: 'production' }, { environment: 'production' }] });
    const asked = cloud.asked('CreateDBSnapshot').map((one) => one.get('DBSnapshotIdentifier'));
    expect(asked).toEqual([...new Set(asked)]);

    // What is past its time goes, with its snapshot.
    const manifest = join(stack.store, 'backups', backup_id, 'manifest.json');
    await writeFile(manifest, JSON.stringify({ ...(JSON.parse(await readFile(manifest, 'utf8')) as object), created_at: '2020-01-01T00:00:00.000Z' }));
    expect(await (await stack.start('cleanup-backups', { apply: true })).answer()).toMatchObject({ status: 'success', result: { removed: [{ id: backup_id }], failed: [] } });
    await expect(cloud.client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: `faber-db-${backup_id}` }))).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
  });

  it('names the permission that its backup lacks, and changes nothing', async () => {
    cloud.proxy.fail(({ action }) => action === 'CreateDBSnapshot', { kind: 'error', status: 403, code: 'AccessDenied' });
    const failed = (await run('migrate')) as ErrorResponse;
    expect(failed).toMatchObject({ status: 'error', code: 'backup_failed', result: { backup_error: 'Insufficient permissions to create RDS snapshot' } });
    expect(failed.recovery.suggestions.join('\n')).toContain('"Action":["rds:CreateDBSnapshot"]');
    cloud.proxy.heal();
  });
});
