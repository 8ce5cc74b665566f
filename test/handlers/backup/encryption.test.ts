/** Backups that only the holder of a key can read. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Decrypter, Encrypter, identityToRecipient } from 'age-encryption';
import { describe, expect, test } from 'vitest';
import type { BackupRecord } from '../../../src/contract/backup.js';
import type { FaberError } from '../../../src/contract/failure.js';
import type { Pieces } from '../../../src/handlers/backup/contract.js';
import { Sealing } from '../../../src/handlers/backup/encryption/sealing.js';
import { openStore } from '../../../src/handlers/backup/index.js';
import { postgresTarget } from '../../../src/handlers/database/postgresql/connection-url.js';
import { ageFolder, newKey } from '../../support/age.js';
import { asAdmin, postgres } from '../../support/postgres.js';
import { backups, fileOf, never, queryIn, scene, type Scene } from './setup.js';

const ID = 'backup-20260124-103000';
/** A value in a row, a literal in a function that the list of objects cannot show, and one that a file beside the dump does show. */
const SQL = `
  CREATE TABLE people (name text);
  INSERT INTO people SELECT 'value-4711-' || g FROM generate_series(1, 20000) g;
  CREATE TYPE tier AS ENUM ('label-4712')`;

let variables = 0;
/** A variable of this process that holds a new key. */
async function withKey(): Promise<string> {
  const name = `BACKUP_KEY_${++variables}`;
  process.env[name] = await newKey();
  return name;
}

async function encryptedScene(compression: 'zstd' | 'none' = 'zstd'): Promise<Scene & { key: string }> {
  const key = await withKey();
  return { key, ...(await scene({ sql: SQL, backup: { compression, encryption: { key_env: key, old_key_envs: [] } } })) };
}

/** The same store, opened by a worker with another config. */
const reopened = (s: Scene, encryption?: { key_env: string; old_key_envs: string[] }) => {
  const { encryption: _, ...backup } = s.settings.backup;
  return openStore({ ...s.settings, backup: { ...backup, ...(encryption && { encryption }) } });
};

test('an encrypted backup is checked, proven and restored, and nothing of it can be read without the key', async () => {
  const s = await encryptedScene('none');
  const record = await backups.create(s.target, s.store, s.options(ID));
  expect(record).toMatchObject({ file: 'dump.pgc.age', encryption: { format: 'age', key_env: s.key, recipient: await identityToRecipient(process.env[s.key]!) } });
  expect((await backups.prove(s.target, s.store, record, never)).level).toBe('proven');
  const folder = join(s.store.location, 'backups', ID);
  expect((await readdir(folder)).sort()).toEqual(['database.json.age', 'dump.pgc.age', 'manifest.json', 'structure.json.age']);
  for (const name of await readdir(folder)) {
    const text = await readFile(join(folder, name), 'latin1');
    for (const secret of ['4711', '4712', process.env[s.key]!]) expect(text, name).not.toContain(secret);
  }
  await s.db.query('DELETE FROM people');
  await backups.restoreBeside(s.target, s.store, record, 'op-1', never);
  await backups.swap(s.target, 'op-1', async () => undefined, never);
  expect(await queryIn(s.target, 'SELECT count(*)::int AS n FROM people')).toEqual([{ n: 20000 }]);
});

test('the commands in the manifest restore it as printed, by age and the key in its variable', async () => {
  const s = await encryptedScene();
  const record = await backups.create(s.target, s.store, s.options(ID));
  const { binDir } = await postgres();
  const { PGDATABASE: _, ...environment } = postgresTarget(s.target).environment();
  const PATH = [binDir, ...(await ageFolder()), process.env['PATH']].join(delimiter);
  const run = (env: Record<string, string>) => execFileSync('sh', ['-e', '-c', record.restore_commands.join('\n')], { env: { PATH, ...environment, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  expect(() => run({})).toThrow(`${s.key}: must hold the age key of this backup`);
  run({ [s.key]: process.env[s.key]! });
  expect(await queryIn(s.target.withDatabase(`${s.db.name}_restored`), 'SELECT count(*)::int AS n FROM people')).toEqual([{ n: 20000 }]);
  expect(record.restore_commands.join('\n')).not.toContain(process.env[s.key]);
});

test('an older backup opens with its own key after another has taken its place', async () => {
  const s = await encryptedScene();
  const record = await backups.create(s.target, s.store, s.options(ID));
  const store = await reopened(s, { key_env: await withKey(), old_key_envs: [s.key] });
  await backups.check(store, record, never);
  const newer = await backups.create(s.target, store, s.options('backup-20260124-103001'));
  expect(newer.encryption?.key_env).not.toBe(s.key);
  await backups.check(store, newer, never);
});

test('a key that is wrong, missing or none is refused before anything is touched, with what to do and without its value', async () => {
  const s = await encryptedScene();
  const record = await backups.create(s.target, s.store, s.options(ID));
  const other = await withKey();
  process.env['BACKUP_KEY_GARBLED'] = 'AGE-SECRET-KEY-1GARBLED4711';
  for (const encryption of [{ key_env: other, old_key_envs: [] }, { key_env: 'BACKUP_KEY_NOT_SET', old_key_envs: ['BACKUP_KEY_GARBLED'] }, undefined]) {
    const store = await reopened(s, encryption);
    const refusal = { code: 'store_unavailable', message: expect.stringContaining(record.encryption!.recipient) as string, suggestions: expect.arrayContaining([expect.stringContaining(s.key)]) as string[] };
    await expect(backups.check(store, record, never)).rejects.toMatchObject(refusal);
    await expect(backups.prove(s.target, store, record, never)).rejects.toMatchObject(refusal);
    await expect(backups.restoreBeside(s.target, store, record, 'op-1', never)).rejects.toMatchObject(refusal);
    // What is there can be listed, removed and judged all the same.
    expect((await store.listBackups()).backups).toEqual([record]);
  }
  for (const key_env of ['BACKUP_KEY_NOT_SET', 'BACKUP_KEY_GARBLED']) {
    const store = await reopened(s, { key_env, old_key_envs: [] });
    for (const failing of [store.preflight(), backups.create(s.target, store, s.options('backup-20260124-103001'))]) {
      const error = await failing.then(() => null, (e: FaberError) => e);
      expect(error).toMatchObject({ code: 'store_unavailable', message: expect.stringContaining(key_env) as string });
      expect(JSON.stringify([error?.message, error?.result, error?.suggestions])).not.toContain('GARBLED4711');
    }
  }
  expect(await asAdmin('SELECT datname FROM pg_database WHERE datdba = $1::regrole AND datname <> $2', [s.db.role.name, s.db.name])).toEqual([]);
  expect(await readdir(join(s.store.location, 'backups'))).toEqual([ID]);
});

test('a dump that was changed, cut off or made for another is found, whatever its manifest says', async () => {
  const s = await encryptedScene('none');
  const record = await backups.create(s.target, s.store, s.options(ID));
  const file = fileOf(s.store, record);
  const whole = await readFile(file);
  const refused = async (bytes: Buffer) => {
    await writeFile(file, bytes);
    // As if whoever changed it had changed the manifest too.
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await expect(backups.check(s.store, { ...record, size_bytes: bytes.length, sha256 }, never)).rejects.toMatchObject({ code: 'backup_unusable', message: expect.stringContaining('does not decrypt') as string });
  };
  const start = whole.indexOf('\n', whole.indexOf('\n--- ') + 1) + 1 + 16;
  const chunk = 64 * 1024 + 16;
  await refused(Buffer.concat([whole.subarray(0, start + chunk), Buffer.from([whole[start + chunk]! ^ 1]), whole.subarray(start + chunk + 1)]));
  await refused(whole.subarray(0, start + chunk));
  await refused(whole.subarray(0, start - 20));
  await refused(Buffer.concat([whole.subarray(0, start), whole.subarray(start + chunk, start + 2 * chunk), whole.subarray(start, start + chunk), whole.subarray(start + 2 * chunk)]));
  await writeFile(file, whole);
  await backups.check(s.store, record, never);
  await truncate(file, 100);
  await expect(backups.check(s.store, record, never)).rejects.toMatchObject({ code: 'backup_unusable' });
});

describe('files are those of age', () => {
  const pieces = (bytes: Uint8Array, size: number): Pieces => async (take) => {
    for (let at = 0; at < bytes.length; at += size) await take(bytes.subarray(at, at + size));
  };

  test.each([0, 1, 65_535, 65_536, 65_537, 131_072, 300_000])('of %i bytes, both ways', async (length) => {
    const key_env = await withKey();
    const identity = process.env[key_env]!;
    const sealing = new Sealing({ key_env, old_key_envs: [] }, process.env);
    const plain = randomBytes(length);
    const kept: Buffer[] = [];
    const { encryption } = await sealing.write('dump.pgc', pieces(plain, 10_000), async (file, give) => {
      await give(async (piece) => void kept.push(Buffer.from(piece)));
      return { file, size_bytes: 0, sha256: '' };
    });
    const opener = new Decrypter();
    opener.addIdentity(identity);
    expect(Buffer.from(await opener.decrypt(Buffer.concat(kept)))).toEqual(plain);

    const sealer = new Encrypter();
    sealer.addRecipient(await identityToRecipient(identity));
    const theirs = await sealer.encrypt(plain);
    const record = { backup_id: ID, file: 'dump.pgc.age', encryption } as BackupRecord;
    const opened: Buffer[] = [];
    await sealing.read(record, record.file, async (piece) => void opened.push(Buffer.from(piece)), async (_file, take) => pieces(theirs, 777)(take));
    expect(Buffer.concat(opened)).toEqual(plain);
  });
});
