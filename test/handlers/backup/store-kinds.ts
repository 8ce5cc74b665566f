/** The kinds of store, and a look behind each: what every one of them must do is one suite. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CreateBucketCommand, DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Settings } from '../../../src/contract/settings.js';
import type { Store } from '../../../src/handlers/backup/contract.js';
import { openStore } from '../../../src/handlers/backup/index.js';
import { aws, AWS_VARIABLES, uniqueName } from '../../support/aws.js';
import { tempDir } from '../../support/temp.js';
import { settingsFor } from './setup.js';

export interface StoreKind {
  name: 'local' | 's3';
  /** A place where no store is yet. */
  place(): Promise<string>;
  settings(location: string): Promise<Settings>;
  /** What is there, by name relative to the store. */
  names(location: string): Promise<string[]>;
  read(location: string, name: string): Promise<string>;
  write(location: string, name: string, text: string): Promise<void>;
  remove(location: string, name: string): Promise<void>;
}

export async function open(kind: StoreKind, location: string): Promise<Store> {
  return openStore(await kind.settings(location));
}

export const local: StoreKind = {
  name: 'local',
  place: async () => join(await tempDir(), 'a', 'store'),
  settings: async (location) => settingsFor(location),
  names: async (location) => {
    const entries = await readdir(location, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(location.length + 1)).sort();
  },
  read: (location, name) => readFile(join(location, name), 'utf8'),
  write: async (location, name, text) => {
    await mkdir(dirname(join(location, name)), { recursive: true });
    await writeFile(join(location, name), text);
  },
  remove: (location, name) => rm(join(location, name)),
};

/** The SDK's default chain of this process finds them. */
Object.assign(process.env, AWS_VARIABLES);

/** Past faults that a test puts in front of the store. */
export async function s3Client(): Promise<S3Client> {
  return new S3Client({ endpoint: (await aws()).endpoint, region: AWS_VARIABLES.AWS_REGION, forcePathStyle: true });
}

export async function newBucket(): Promise<string> {
  const Bucket = uniqueName('backups');
  await (await s3Client()).send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }));
  return Bucket;
}

export function s3Settings(location: string, endpoint: string, more: Partial<NonNullable<Settings['backup']['s3']>> = {}): Settings {
  return settingsFor(location, { s3: { region: 'eu-central-1', endpoint, encryption: null, kms_key_id: null, storage_class: null, assume_role_arn: null, ...more } });
}

const at = (location: string, name: string) => {
  const { hostname, pathname } = new URL(location);
  return { Bucket: hostname, Key: `${pathname.slice(1)}/${name}` };
};

export const s3: StoreKind = {
  name: 's3',
  place: async () => `s3://${await newBucket()}/a/store`,
  settings: async (location) => s3Settings(location, (await aws()).endpoint),
  names: async (location) => {
    const { Bucket, Key } = at(location, '');
    const { Contents = [] } = await (await s3Client()).send(new ListObjectsV2Command({ Bucket, Prefix: Key }));
    return Contents.map((object) => object.Key!.slice(Key.length)).sort();
  },
  read: async (location, name) => (await (await s3Client()).send(new GetObjectCommand(at(location, name)))).Body!.transformToString(),
  write: async (location, name, text) => void (await (await s3Client()).send(new PutObjectCommand({ ...at(location, name), Body: text }))),
  remove: async (location, name) => void (await (await s3Client()).send(new DeleteObjectCommand(at(location, name)))),
};
