/** Where a store in S3 is, and the client that reaches it. Credentials come from AWS's default chain, never from a config. */
import { S3Client } from '@aws-sdk/client-s3';
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { FaberError } from '../../../../contract/failure.js';
import type { S3Settings } from '../../../../contract/settings.js';
import { shellWord } from '../../../../contract/shell-word.js';

/** SDK retries with backoff what is throttled, broken or out of order for a moment: some 10 s in all. */
const ATTEMPTS = 6;
const CONNECT_MS = 5_000;
/** Without a byte for so long a connection is taken for dead; however slow, one that moves is not. */
const IDLE_MS = 60_000;

export interface S3Place {
  bucket: string;
  /** Keys begin with it: empty, or without a slash at either end. */
  prefix: string;
  /** `s3://bucket/prefix`, for messages. */
  location: string;
  settings: S3Settings;
  client: S3Client;
}

const LOCATION = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([\w!.*'()/=+-]*))?$/;

/** @throws FaberError config_invalid for what names no bucket, or a prefix that leads elsewhere. */
export function placeOf(location: string, settings: S3Settings): S3Place {
  const [, bucket, path = ''] = LOCATION.exec(location) ?? [];
  const prefix = path.replace(/\/+$/, '');
  if (bucket === undefined || prefix.split('/').some((part) => part === '.' || part === '..') || prefix.includes('//') || prefix.startsWith('/')) {
    throw new FaberError({ code: 'config_invalid', message: 'Invalid configuration: backup.location is no place in S3', suggestions: ['Write it as s3://bucket or s3://bucket/prefix, with letters, digits and -_./ in the prefix'] });
  }
  return { bucket, prefix, location: `s3://${bucket}${prefix && `/${prefix}`}`, settings, client: clientFor(settings) };
}

/** What the `aws` program must be told to reach the same place, as words of a shell. */
export function programOptions({ region, endpoint }: S3Settings): string {
  return [...(region === null ? [] : ['--region', region]), ...(endpoint === null ? [] : ['--endpoint-url', endpoint])].map((word) => ` ${shellWord(word)}`).join('');
}

/** One client for each way of reaching S3: it keeps connections and credentials. */
const clients = new Map<string, S3Client>();

function clientFor(settings: S3Settings): S3Client {
  const { region, endpoint, assume_role_arn } = settings;
  const key = JSON.stringify([region, endpoint, assume_role_arn]);
  const there = clients.get(key);
  if (there) return there;
  const client = new S3Client({
    ...(region !== null && { region }),
    // A server of others may know neither virtual hosts nor the newer checksums; what is read back is compared by sha256 anyway.
    ...(endpoint !== null && { endpoint, forcePathStyle: true }),
    requestChecksumCalculation: endpoint === null ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    credentials: assume_role_arn === null ? fromNodeProviderChain() : fromTemporaryCredentials({ params: { RoleArn: assume_role_arn, RoleSessionName: 'faber-db' }, ...(region !== null && { clientConfig: { region } }) }),
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: IDLE_MS },
  });
  clients.set(key, client);
  return client;
}
