/** The proxy that other tests make AWS fail with: that it does so, and is out of the way where it does not. */
import { S3Client, CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aws, AWS_VARIABLES, uniqueName } from '../support/aws.js';
import { FaultProxy } from '../support/fault-proxy.js';

let proxy: FaultProxy;
let client: S3Client;
const Bucket = uniqueName('proxied');

beforeAll(async () => {
  proxy = await FaultProxy.to((await aws()).endpoint);
  const credentials = { accessKeyId: AWS_VARIABLES.AWS_ACCESS_KEY_ID, secretAccessKey: AWS_VARIABLES.AWS_SECRET_ACCESS_KEY };
  client = new S3Client({ endpoint: proxy.endpoint, region: AWS_VARIABLES.AWS_REGION, credentials, forcePathStyle: true, maxAttempts: 1 });
  await client.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }));
});
afterAll(async () => {
  client.destroy();
  await proxy.close();
});

test('what is not to fail passes unchanged; what is fails as often as was said', async () => {
  const put = (Key: string) => client.send(new PutObjectCommand({ Bucket, Key, Body: 'x'.repeat(100_000) }));
  proxy.fail(({ method, url }) => method === 'PUT' && url.includes('/slow'), { kind: 'error', status: 503, code: 'SlowDown' }, 1);
  await put('fast');
  await expect(put('slow')).rejects.toMatchObject({ name: 'SlowDown' });
  await put('slow');
  expect(await (await client.send(new GetObjectCommand({ Bucket, Key: 'slow' }))).Body!.transformToString()).toBe('x'.repeat(100_000));
  proxy.fail(({ method }) => method === 'PUT', { kind: 'cut-request', afterBytes: 10_000 }, 1);
  await expect(put('cut')).rejects.toThrow();
  proxy.fail(({ method }) => method === 'GET', { kind: 'cut-response', afterBytes: 10_000 }, 1);
  const cut = await client.send(new GetObjectCommand({ Bucket, Key: 'slow' }));
  await expect(cut.Body!.transformToString()).rejects.toThrow();
  proxy.heal();
  await put('cut');
});

test('an answer of the query protocol can be changed on its way, seen by the action that asked for it', async () => {
  proxy.fail(({ action }) => action === 'GetCallerIdentity', { kind: 'rewrite', body: (text, { parameters }) => text.replace(/<Arn>.*<\/Arn>/, `<Arn>${parameters.get('Version')}</Arn>`) }, 1);
  const ask = () => fetch(proxy.endpoint, {
    method: 'POST', body: new URLSearchParams({ Action: 'GetCallerIdentity', Version: '2011-06-15' }),
    headers: { Authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=x' },
  }).then((response) => response.text());
  expect(await ask()).toContain('<Arn>2011-06-15</Arn>');
  expect(await ask()).toContain('<Arn>arn:aws:sts::');
  expect(proxy.seen.at(-1)).toMatchObject({ action: 'GetCallerIdentity', status: 200 });
});
