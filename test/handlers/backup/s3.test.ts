/** What only S3 can go wrong with: throttling, cut connections, silence, refusals, pages, uploads that nobody completed. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { delimiter } from 'node:path';
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BackupRecord } from '../../../src/contract/backup.js';
import { FaberError } from '../../../src/contract/failure.js';
import type { Store } from '../../../src/handlers/backup/contract.js';
import { openStore } from '../../../src/handlers/backup/index.js';
import { storeFailure } from '../../../src/handlers/backup/store/s3/failure.js';
import { placeOf } from '../../../src/handlers/backup/store/s3/place.js';
import { partSize } from '../../../src/handlers/backup/store/s3/upload.js';
import { postgresTarget } from '../../../src/handlers/database/postgresql/connection-url.js';
import { ageFolder, newKey } from '../../support/age.js';
import { aws } from '../../support/aws.js';
import { FaultProxy, type ProxiedRequest } from '../../support/fault-proxy.js';
import { createDatabase, postgres } from '../../support/postgres.js';
import { awsFolder } from '../../support/aws-program.js';
import { backups, database, never, queryIn } from './setup.js';
import { newBucket, s3, s3Client, s3Settings } from './store-kinds.js';

const ID = 'backup-20260124-103000';
const MIB = 2 ** 20;
let proxy: FaultProxy;
let store: Store;
let Bucket: string;

beforeAll(async () => {
  proxy = await FaultProxy.to((await aws()).endpoint);
});
afterAll(() => proxy.close());
beforeEach(async () => {
  proxy.heal();
  Bucket = await newBucket();
  store = await openStore(s3Settings(`s3://${Bucket}/store`, proxy.endpoint));
  await store.beginBackup(ID);
  proxy.seen.length = 0;
});

const parts = ({ method, url }: ProxiedRequest) => method === 'PUT' && url.includes('partNumber=');
const writing = { signal: never, expectedBytes: null };
/** So small parts that a few make a dump. */
const small = { signal: never, expectedBytes: 1 };

/** Gives `count` pieces of 1 MiB, no two alike. */
function given(count: number, each: (at: number) => void = () => {}) {
  const hash = createHash('sha256');
  const give = async (take: (piece: Uint8Array) => Promise<void>) => {
    for (let at = 0; at < count; at++) {
      const piece = randomBytes(MIB);
      hash.update(piece);
      each(at);
      await take(piece);
    }
  };
  return { give, sha256: () => hash.digest('hex') };
}

async function uploads(): Promise<number> {
  return ((await (await s3Client()).send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).length;
}

async function nothingLeft(): Promise<void> {
  expect(await s3.names(store.location)).toEqual(['store.json']);
  expect(await uploads()).toBe(0);
}

describe('an upload', () => {
  test('gets through throttling, an internal error and a connection cut in the middle of a part', async () => {
    proxy.fail(parts, { kind: 'error', status: 503, code: 'SlowDown' }, 2);
    proxy.fail(parts, { kind: 'cut-request', afterBytes: MIB }, 2);
    proxy.fail(parts, { kind: 'error', status: 500, code: 'InternalError' }, 1);
    const { give, sha256 } = given(30);
    const stored = await store.writeFile(ID, 'dump.pgc', small, give);
    expect(stored).toMatchObject({ size_bytes: 30 * MIB, sha256: sha256() });
    expect(proxy.seen.filter(parts).map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([0, 0, 200, 200, 200, 200, 500, 503, 503]);
    const hash = createHash('sha256');
    await store.readFile({ backup_id: ID, ...stored } as BackupRecord, 'dump.pgc', async (piece) => void hash.update(piece), never);
    expect(await uploads()).toBe(0);
  });

  test('whose part fails for good asks for no more data, and leaves no object and no upload', async () => {
    proxy.fail((request) => parts(request) && request.url.includes('partNumber=2'), { kind: 'error', status: 403, code: 'AccessDenied' });
    let asked = 0;
    const { give } = given(500, (at) => (asked = at));
    await expect(store.writeFile(ID, 'dump.pgc', small, give)).rejects.toMatchObject({ code: 'store_unavailable', result: { missing_actions: ['s3:PutObject'] } });
    expect(asked).toBeLessThan(100);
    await nothingLeft();
  });

  test('whose data break off leaves no object and no upload', async () => {
    const { give } = given(20, (at) => {
      if (at === 19) throw new RangeError('the child died');
    });
    await expect(store.writeFile(ID, 'dump.pgc', small, give)).rejects.toThrow(RangeError);
    expect(proxy.seen.filter(({ method, url }) => method === 'POST' && url.includes('?uploads')), 'it had begun').toHaveLength(1);
    await nothingLeft();
  });

  test('that nobody answers is cancelled at once, and leaves no object and no upload', async () => {
    proxy.fail(parts, { kind: 'silence' });
    const cancel = new AbortController();
    const { give } = given(200);
    const uploading = store.writeFile(ID, 'dump.pgc', { ...small, signal: cancel.signal }, give);
    const failing = expect(uploading).rejects.toThrow('shutting down');
    while (proxy.seen.filter(parts).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    cancel.abort(new Error('shutting down'));
    await failing;
    await nothingLeft();
  });

  test('that was killed is found by its age, and removed', async () => {
    const client = await s3Client();
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: `store/backups/${ID}/dump.pgc` }));
    await client.send(new UploadPartCommand({ Bucket, Key: `store/backups/${ID}/dump.pgc`, UploadId, PartNumber: 1, Body: randomBytes(5 * MIB) }));
    // moto calls every upload old.
    proxy.fail(({ url }) => url.includes('uploads'), { kind: 'rewrite', body: (text) => text.replace(/<Initiated>[^<]*/, `<Initiated>${new Date().toISOString()}`) }, 1);
    expect(await store.leftovers(3_600_000)).toEqual([]);
    const [left] = await store.leftovers(0);
    await store.removeLeftover(left!.path);
    await store.removeLeftover(left!.path);
    await nothingLeft();
  });

  test('is asked for with the encryption and the storage class of the config', async () => {
    const settings = s3Settings(store.location, proxy.endpoint, { encryption: 'aws:kms', kms_key_id: 'alias/backups', storage_class: 'STANDARD_IA' });
    const other = await openStore(settings);
    await other.writeFile(ID, 'dump.pgc', writing, (take) => take(randomBytes(100)));
    await other.putErrorDetail('op-1', 'text');
    const sent = (part: string) => proxy.seen.find(({ method, url }) => method === 'PUT' && url.includes(part))!.headers;
    expect(sent('dump.pgc')).toMatchObject({ 'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': 'alias/backups', 'x-amz-storage-class': 'STANDARD_IA' });
    expect(sent('/errors/')).toMatchObject({ 'x-amz-server-side-encryption': 'aws:kms' });
    expect(sent('/errors/')).not.toHaveProperty('x-amz-storage-class');
  });

  test('has parts that ten thousand of hold what may come', () => {
    expect(partSize(1)).toBe(8 * MIB);
    for (const bytes of [1e9, 1e11, 1e12, 2e12]) expect(partSize(bytes) * 10_000).toBeGreaterThanOrEqual(2 * bytes);
    expect(partSize(null) * 10_000).toBeGreaterThan(300 * 2 ** 30);
  });
});

test('a download goes on where its connection broke, and hands out each byte once', async () => {
  const { give, sha256 } = given(20);
  const stored = await store.writeFile(ID, 'dump.pgc', small, give);
  const reads = ({ method, url }: ProxiedRequest) => method === 'GET' && url.includes('dump.pgc');
  proxy.fail(reads, { kind: 'cut-response', afterBytes: 3 * MIB }, 3);
  proxy.fail(reads, { kind: 'error', status: 503, code: 'SlowDown' }, 1);
  const hash = createHash('sha256');
  await store.readFile({ backup_id: ID, ...stored } as BackupRecord, 'dump.pgc', async (piece) => void hash.update(piece), never);
  expect(hash.digest('hex')).toBe(sha256());
  expect(proxy.seen.filter(reads).map(({ headers }) => headers['range'] ?? 'all').filter((range) => range !== 'all').length).toBeGreaterThan(2);
});

test('lists of any length are read to their end', async () => {
  const shas = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((text) => store.putArtifact(Buffer.from(text))));
  const client = await s3Client();
  for (let n = 0; n < 3; n++) await client.send(new CreateMultipartUploadCommand({ Bucket, Key: `store/backups/${ID}/dump.pgc` }));
  proxy.fail(({ url }) => url.includes('list-type=2'), { kind: 'ask', url: (url) => `${url}&max-keys=2` });
  proxy.fail(({ url }) => url.includes('uploads'), { kind: 'ask', url: (url) => `${url}&max-uploads=2` });
  expect((await store.artifacts()).map(({ name }) => name).sort()).toEqual(shas.toSorted());
  await store.abandonBackup(ID);
  proxy.heal();
  expect(await uploads()).toBe(0);
});

describe('a refusal says what is so and what to do', () => {
  const refused = (more: Parameters<typeof s3Settings>[2] = {}, location = store.location, endpoint = proxy.endpoint) => openStore(s3Settings(location, endpoint, more));
  const cases: Record<string, { status: number; code: string; message?: string; says: string; suggests: string }> = {
    'no permission, without a word of which': { status: 403, code: 'AccessDenied', says: 's3:GetObject', suggests: 's3:AbortMultipartUpload' },
    'no permission, as S3 names it': { status: 403, code: 'AccessDenied', message: 'User: arn:aws:sts::1:x is not authorized to perform: kms:Decrypt on resource: y', says: 'lacks kms:Decrypt', suggests: 'arn:aws:s3:::' },
    'a wrong clock': { status: 403, code: 'RequestTimeTooSkewed', says: 'clock', suggests: 'clock' },
    'credentials that have expired': { status: 400, code: 'ExpiredToken', says: 'ExpiredToken', suggests: 'get-caller-identity' },
    'another region': { status: 301, code: 'PermanentRedirect', says: 'another region than eu-central-1', suggests: 'backup.s3.region' },
    'a key of KMS that is off': { status: 400, code: 'KMS.DisabledException', says: 'KMS', suggests: 'kms:GenerateDataKey' },
    'a server that knows no conditional writes': { status: 501, code: 'NotImplemented', says: 'does not implement', suggests: 'newer version' },
  };
  test.each(Object.entries(cases))('%s', async (_name, { status, code, message, says, suggests }) => {
    proxy.fail(() => true, { kind: 'error', status, code, ...(message && { message }) });
    const error = await refused().then(() => null, (e: unknown) => e);
    expect(error).toBeInstanceOf(FaberError);
    expect(error).toMatchObject({ code: 'store_unavailable', message: expect.stringContaining(says) as string });
    expect((error as FaberError).suggestions.join('\n')).toContain(suggests);
    expect(JSON.stringify(error)).not.toContain(process.env['AWS_SECRET_ACCESS_KEY']);
  });

  test('no bucket of that name, and nobody at the endpoint', async () => {
    await expect(refused({}, 's3://there-is-no-such-bucket-4711/x')).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('there is no bucket') });
    await expect(refused({}, store.location, 'http://127.0.0.1:9')).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('does not answer (ECONNREFUSED)') });
    await expect(async () => refused({}, `s3://${Bucket}/../x`)).rejects.toMatchObject({ code: 'config_invalid' });
  });

  test('throttling and an outage that outlast every attempt', () => {
    const place = placeOf(store.location, s3Settings(store.location, proxy.endpoint).backup.s3!);
    const said = (name: string) => storeFailure('write a file', place, 'PutObject', Object.assign(new Error(name), { name, $metadata: { httpStatusCode: 503 } }));
    expect(said('SlowDown')).toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('slow down') as string });
    expect(said('ServiceUnavailable')).toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('503 ServiceUnavailable') as string });
  });

  test('no credentials at all', async () => {
    const kept = { ...process.env };
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, { AWS_EC2_METADATA_DISABLED: 'true', AWS_SHARED_CREDENTIALS_FILE: '/nonexistent', AWS_CONFIG_FILE: '/nonexistent' });
    try {
      await expect(refused({ region: 'eu-west-3' })).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('no AWS credentials') });
    } finally {
      for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
      Object.assign(process.env, kept);
    }
  });

  test('a right that only taking or removing a backup needs is asked for when a plan is made', async () => {
    proxy.fail(({ method, url }) => method === 'DELETE' && url.includes('uploadId'), { kind: 'error', status: 403, code: 'AccessDenied' });
    await expect(store.preflight()).rejects.toMatchObject({ code: 'store_unavailable', result: { missing_actions: ['s3:AbortMultipartUpload'] } });
  });
});

test('a role of the config is assumed', async () => {
  process.env['AWS_ENDPOINT_URL_STS'] = proxy.endpoint;
  const assume_role_arn = 'arn:aws:iam::123456789012:role/backups';
  expect((await openStore(s3Settings(store.location, proxy.endpoint, { assume_role_arn }))).id).toBe(store.id);
  expect(proxy.seen.find(({ action }) => action === 'AssumeRole')?.parameters.get('RoleArn')).toBe(assume_role_arn);
  delete process.env['AWS_ENDPOINT_URL_STS'];
});

test('a database is backed up, proven and restored through S3, encrypted, and by the printed commands', async () => {
  const db = await createDatabase();
  await db.query("CREATE TABLE people AS SELECT 'value-' || g AS name FROM generate_series(1, 1000) g");
  process.env['S3_BACKUP_KEY'] = await newKey();
  const settings = s3Settings(store.location, (await aws()).endpoint);
  settings.backup.encryption = { key_env: 'S3_BACKUP_KEY', old_key_envs: [] };
  const target = database.target(db.url);
  const encrypted = await openStore(settings);
  const options = { settings, backupId: ID, operationId: 'op-1', label: null, reason: null, ledgerDigest: null, signal: never };
  await backups.preflight(target, settings, encrypted);
  const record = await backups.create(target, encrypted, options);
  expect((await backups.prove(target, encrypted, record, never)).level).toBe('proven');
  await db.query('DELETE FROM people');
  await backups.restoreBeside(target, encrypted, record, 'op-1', never);
  await backups.swap(target, 'op-1', async () => undefined, never);
  expect(await queryIn(target, 'SELECT count(*)::int AS n FROM people')).toEqual([{ n: 1000 }]);

  const { PGDATABASE: _, ...environment } = postgresTarget(target).environment();
  const PATH = [(await postgres()).binDir, ...(await ageFolder()), ...(await awsFolder()), process.env['PATH']].join(delimiter);
  const commands = record.restore_commands.join('\n');
  execFileSync('sh', ['-e', '-c', commands], { env: { ...process.env, ...environment, PATH }, stdio: ['ignore', 'ignore', 'inherit'] });
  expect(await queryIn(target.withDatabase(`${db.name}_restored`), 'SELECT count(*)::int AS n FROM people')).toEqual([{ n: 1000 }]);
  for (const secret of [...target.secrets, process.env['S3_BACKUP_KEY'], process.env['AWS_SECRET_ACCESS_KEY']!]) expect(commands).not.toContain(secret);
});
