/** Whole operations whose backups lie in S3, encrypted: a release, a restore, a worker that dies in the middle of an upload, retention. */
import { readFile } from 'node:fs/promises';
import { CreateBucketCommand, GetObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupRecord } from '../../src/contract/backup.js';
import type { OperationName, Response, SuccessResponse } from '../../src/contract/index.js';
import { Barriers } from '../faults/barriers.js';
import { newKey } from '../support/age.js';
import { aws, AWS_VARIABLES, uniqueName } from '../support/aws.js';
import { daysAgo } from '../support/backups.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { historyText, leaksIn, watchArguments, workflowsOn } from '../support/leaks.js';
import { createStack, type Stack } from '../support/stack.js';
import { tempDir } from '../support/temp.js';

const Bucket = uniqueName('lifecycle');
const PREFIX = 'faber-db/';

describe('backups in S3', () => {
  let stack: Stack;
  let proxy: FaultProxy;
  let barriers: Barriers;
  let key: string;
  let client: S3Client;
  let watched: ReturnType<typeof watchArguments>;
  const answers: string[] = [];

  beforeAll(async () => {
    const { endpoint } = await aws();
    [proxy, key] = [await FaultProxy.to(endpoint), await newKey()];
    const credentials = { accessKeyId: AWS_VARIABLES.AWS_ACCESS_KEY_ID, secretAccessKey: AWS_VARIABLES.AWS_SECRET_ACCESS_KEY };
    client = new S3Client({ endpoint, region: AWS_VARIABLES.AWS_REGION, credentials, forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }));
    watched = watchArguments();
    barriers = new Barriers(await tempDir());
    stack = await createStack({
      backup: { location: `s3://${Bucket}/faber-db`, s3: { endpoint: proxy.endpoint, region: 'eu-central-1', encryption: 'AES256' }, encryption: { key_env: 'BACKUP_KEY' }, auto_cleanup: false },
      environment: { backup_retention_days: 30 },
      safety: { heartbeat_timeout_seconds: 5 },
      env: { ...AWS_VARIABLES, BACKUP_KEY: key, FABER_DB_TEST_BARRIERS: barriers.folder },
    });
  }, 180_000);
  afterAll(async () => {
    client.destroy();
    await proxy.close();
  });

  const names = async () => ((await client.send(new ListObjectsV2Command({ Bucket, Prefix: PREFIX }))).Contents ?? []).map((object) => object.Key!.slice(PREFIX.length));
  const read = async (name: string) => (await client.send(new GetObjectCommand({ Bucket, Key: `${PREFIX}${name}` }))).Body!.transformToString('latin1');
  const uploads = async () => (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.length ?? 0;

  async function run(operation: OperationName, parameters: Record<string, unknown> = {}): Promise<Response> {
    const started = await stack.start(operation, parameters);
    if (['migrate', 'restore'].includes(operation)) await started.approve();
    const answer = await started.answer();
    answers.push(JSON.stringify(answer));
    return answer;
  }

  it('carry a release and a restore, through throttling, and a worker that dies in the middle of an upload', { timeout: 240_000 }, async () => {
    // Incompressible: its dump takes several parts.
    await stack.migration('20260101000000_init', `CREATE TABLE t (id int PRIMARY KEY, noise text);
      INSERT INTO t SELECT g, (SELECT string_agg(md5(random()::text || g || i), '') FROM generate_series(1, 30) i) FROM generate_series(1, 20000) g;`, 'DROP TABLE t;');
    proxy.fail(({ method }) => method === 'PUT', { kind: 'error', status: 503, code: 'SlowDown' }, 2);
    expect(await run('migrate')).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });

    await barriers.arm('in-dump');
    const dying = await stack.start('backup');
    await barriers.reached('in-dump');
    await stack.killWorker();
    expect(await uploads()).toBe(1);
    await stack.startWorker();
    const backup = (await dying.answer()) as SuccessResponse;
    expect(backup).toMatchObject({ status: 'success', result: { level: 'proven', encryption: { format: 'age', key_env: 'BACKUP_KEY' } } });
    expect(await uploads()).toBe(0);
    const backup_id = backup.result['backup_id'] as string;
    const folder = (await names()).filter((name) => name.includes(backup_id));
    expect(folder.map((name) => name.split('/')[2] ?? '').sort()).toEqual(['database.json.age', expect.stringMatching(/^dump\.pgc.*\.age$/), 'manifest.json', 'structure.json.age']);

    await stack.database.query('DELETE FROM t');
    expect(await run('restore', { backup_id })).toMatchObject({ status: 'success', result: { restored: backup_id } });
    expect(await stack.database.query('SELECT count(*)::int AS n FROM t')).toEqual([{ n: 20000 }]);
  });

  it('are listed, and removed by retention as a whole', { timeout: 120_000 }, async () => {
    const oldest = (await run('list-backups')) as SuccessResponse;
    const backup_id = (oldest.result['backups'] as { backup_id: string }[]).at(-1)!.backup_id;
    const manifest = `backups/${backup_id}/manifest.json`;
    const aged = { ...(JSON.parse(await read(manifest)) as BackupRecord), created_at: daysAgo(100) };
    await client.send(new PutObjectCommand({ Bucket, Key: `${PREFIX}${manifest}`, Body: JSON.stringify(aged) }));
    expect(await run('cleanup-backups', { apply: true })).toMatchObject({ status: 'success', result: { removed: [{ id: backup_id }], failed: [] } });
    expect((await names()).filter((name) => name.includes(backup_id))).toEqual([]);
    expect((await run('list-backups') as SuccessResponse).result['total']).toBe((oldest.result['total'] as number) - 1);
  });

  it('without their key are refused before anything is asked, and nothing of it was said anywhere', { timeout: 120_000 }, async () => {
    const { backups } = ((await run('list-backups')) as SuccessResponse).result as { backups: { backup_id: string }[] };
    await stack.killWorker();
    await stack.startWorker({ BACKUP_KEY: await newKey() });
    const refused = await (await stack.start('restore', { backup_id: backups[0]!.backup_id })).answer();
    expect(refused).toMatchObject({ status: 'error', code: 'store_unavailable', error: expect.stringContaining('its key is not on the worker') as string });
    expect((refused as { recovery: { suggestions: string[] } }).recovery.suggestions.join('\n')).toContain('BACKUP_KEY');

    const secrets = { 'the key of backups': key, 'its other spelling': key.toLowerCase(), 'the secret key of AWS': AWS_VARIABLES.AWS_SECRET_ACCESS_KEY };
    const audit = (await names()).filter((name) => name.startsWith('audit/'));
    expect(audit.length).toBeGreaterThan(3);
    const places: Record<string, string> = {
      answers: answers.join('\n'), log: await readFile(stack.logFile, 'utf8'), audit: (await Promise.all(audit.map(read))).join('\n'),
      manifests: (await Promise.all((await names()).filter((name) => name.endsWith('manifest.json')).map(read))).join('\n'), arguments: await watched.stop(),
      target: JSON.stringify(await stack.database.query('SELECT o::text AS text FROM faber_db.operations o')),
    };
    for (const { workflowId, runId } of await workflowsOn(stack.client, stack.taskQueue)) places[workflowId] = await historyText(stack.client, workflowId, runId);
    expect(leaksIn(places, secrets)).toEqual([]);
    expect(places['log']).toContain('"level"');
  });
});
