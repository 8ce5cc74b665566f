import { appendFile, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import type { BackupRecord } from '../../../src/contract/backup.js';
import type { Store } from '../../../src/handlers/backup/contract.js';
import { openLocalStore } from '../../../src/handlers/backup/store/local.js';
import { inDist } from '../../support/dist.js';
import { eventually } from '../../support/eventually.js';
import { tempDir } from '../../support/temp.js';
import { never, settingsFor } from './setup.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const place = async () => join(await tempDir(), 'a', 'store');
const open = (location: string) => openLocalStore(settingsFor(location));

async function storedBackup(store: Store, backupId: string, more: Partial<BackupRecord> = {}): Promise<BackupRecord> {
  await store.beginBackup(backupId);
  await store.writeFile(backupId, 'dump.pgc', { signal: never, expectedBytes: null }, (take) => take(bytes('data')));
  const record: BackupRecord = {
    manifest_version: 1, backup_id: backupId, environment: 'production', identity: 'postgresql:1/shop', database: 'shop', provider: 'postgresql',
    server_version: '15.1', created_at: '2026-01-24T10:30:00.000Z', store_id: store.id, file: 'dump.pgc', format: 'pg_dump-custom', compression: 'none',
    size_bytes: 4, sha256: '0'.repeat(64), level: 'checked', proven_at: null, tables: [], ledger_digest: null, snapshot: { position: '1:1:', lsn: null },
    label: null, reason: null, operation_id: null, duration_seconds: 1, restore_commands: [], ...more,
  };
  await store.commitBackup(record);
  return record;
}

describe('opening', () => {
  test('makes a store of a missing folder, private to its user, and finds the same id again', async () => {
    const location = await place();
    const store = await open(location);
    expect((await open(location)).id).toBe(store.id);
    expect((await stat(location)).mode & 0o777).toBe(0o700);
    for (const folder of ['artifacts', 'backups', 'audit', 'errors']) expect((await stat(join(location, folder))).mode & 0o777).toBe(0o700);
    expect((await stat(join(location, 'store.json'))).mode & 0o777).toBe(0o600);
  });

  test('gives every one of many that open an empty folder at once the same id', async () => {
    const location = await place();
    const stores = await Promise.all(Array.from({ length: 8 }, () => open(location)));
    expect(new Set(stores.map((store) => store.id)).size).toBe(1);
    expect((await readdir(location)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('refuses a folder with other things in it', async () => {
    const location = await tempDir();
    await writeFile(join(location, 'thesis.doc'), '');
    await expect(open(location)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('holds other files') });
    expect(await readdir(location)).toEqual(['thesis.doc']);
  });

  test('refuses a store whose store.json was lost or damaged instead of giving it a new id', async () => {
    const location = await place();
    await open(location);
    await writeFile(join(location, 'store.json'), '{"store_version":1,"id":');
    await expect(open(location)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('damaged') });
    await rm(join(location, 'store.json'));
    await expect(open(location)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('was lost') });
  });

  test('says what is wrong with a path that cannot be a folder', async () => {
    const file = join(await tempDir(), 'file');
    await writeFile(file, '');
    await expect(open(join(file, 'store'))).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('not a folder') });
  });
});

describe('artifacts', () => {
  test('are kept under their sha256, once, and read back the same', async () => {
    const store = await open(await place());
    const sha = await store.putArtifact(bytes('plan'));
    expect(await store.putArtifact(bytes('plan'))).toBe(sha);
    expect(await store.getArtifact(sha)).toEqual(Buffer.from('plan'));
    expect((await stat(join(store.location, 'artifacts', sha))).mode & 0o777).toBe(0o600);
  });

  test('that are damaged or missing are refused, and a damaged one is mended by putting it again', async () => {
    const store = await open(await place());
    const sha = await store.putArtifact(bytes('plan'));
    await writeFile(join(store.location, 'artifacts', sha), 'plam');
    await expect(store.getArtifact(sha)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('damaged') });
    await store.putArtifact(bytes('plan'));
    expect(Buffer.from(await store.getArtifact(sha)).toString()).toBe('plan');
    await expect(store.getArtifact('f'.repeat(64))).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('is not in') });
  });

  test('are never read from outside of the store', async () => {
    const store = await open(await place());
    await expect(async () => store.getArtifact('../store.json')).rejects.toMatchObject({ code: 'store_unavailable' });
    const sha = 'a'.repeat(64);
    await symlink('/etc/hostname', join(store.location, 'artifacts', sha));
    await expect(store.getArtifact(sha)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('symbolic link') });
  });
});

describe('the audit log', () => {
  const lines = async (store: Store) => (await readFile(join(store.location, 'audit', 'audit.jsonl'), 'utf8')).split('\n').filter(Boolean);

  test('repeats no record, however often and by how many at once it is delivered', async () => {
    const location = await place();
    const [one, other] = [await open(location), await open(location)];
    await Promise.all([one, other, one, other].map((store) => store.appendAudit({ record_id: 'r1' })));
    await one.appendAudit({ record_id: 'r2' });
    await other.appendAudit({ record_id: 'r1' });
    expect((await lines(one)).map((line) => JSON.parse(line).record_id)).toEqual(['r1', 'r2']);
  });

  test('is not confused by an id that only appears inside another record', async () => {
    const store = await open(await place());
    await store.appendAudit({ record_id: 'r1', comment: 'r2' } as { record_id: string });
    await store.appendAudit({ record_id: 'r2' });
    expect(await lines(store)).toHaveLength(2);
  });

  test('loses no record to half a line that a crash left', async () => {
    const store = await open(await place());
    await store.appendAudit({ record_id: 'r1' });
    await appendFile(join(store.location, 'audit', 'audit.jsonl'), '{"record_id":"r2","op');
    await store.appendAudit({ record_id: 'r2' });
    expect((await lines(store)).at(-1)).toBe('{"record_id":"r2"}');
  });
});

test('error details get a private file whose name holds nothing that leads out of the store', async () => {
  const store = await open(await place());
  const path = await store.putErrorDetail('../../migrate production', 'Key (email)=(a@b) exists');
  expect(path.startsWith(join(store.location, 'errors') + '/')).toBe(true);
  expect(path).not.toContain('..');
  expect(await readFile(path, 'utf8')).toContain('a@b');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

describe('backups', () => {
  test('exist from their manifest on, newest first, of one environment or all', async () => {
    const store = await open(await place());
    await store.beginBackup('backup-20260124-103002');
    const older = await storedBackup(store, 'backup-20260124-103000');
    const newer = await storedBackup(store, 'backup-20260124-103001-x', { created_at: '2026-01-25T00:00:00.000Z', environment: 'staging' });
    expect(await store.listBackups()).toEqual({ backups: [newer, older], damaged: [] });
    expect((await store.listBackups('production')).backups).toEqual([older]);
    await expect(store.getBackup('backup-20260124-103002')).rejects.toMatchObject({ code: 'backup_not_found' });
  });

  test('that are damaged are named and left out of the list', async () => {
    const store = await open(await place());
    for (const second of [0, 1, 2, 3, 4, 5]) await storedBackup(store, `backup-20260124-10300${second}`);
    const inside = (second: number, name: string) => join(store.location, 'backups', `backup-20260124-10300${second}`, name);
    await writeFile(inside(1, 'manifest.json'), '{');
    await rm(inside(2, 'dump.pgc'));
    await writeFile(inside(3, 'dump.pgc'), 'dat');
    await writeFile(inside(4, 'manifest.json'), await readFile(inside(0, 'manifest.json')));
    await rm(inside(5, 'dump.pgc'));
    await symlink('/etc/hostname', inside(5, 'dump.pgc'));
    const { backups, damaged } = await store.listBackups();
    expect(backups.map((backup) => backup.backup_id)).toEqual(['backup-20260124-103000']);
    expect(damaged).toEqual([1, 2, 3, 4, 5].map((second) => `backup-20260124-10300${second}`));
    await expect(store.getBackup('backup-20260124-103003')).rejects.toMatchObject({ code: 'backup_unusable', message: expect.stringContaining('3 bytes instead of 4') });
  });

  test('of another store, and manifests that name a file elsewhere, are refused', async () => {
    const store = await open(await place());
    await expect(storedBackup(store, 'backup-20260124-103000', { store_id: 'other' })).rejects.toMatchObject({ code: 'backup_failed' });
    await expect(storedBackup(store, 'backup-20260124-103001', { file: '../../store.json' })).rejects.toMatchObject({ code: 'backup_failed' });
    await expect(async () => store.getBackup('../audit')).rejects.toMatchObject({ code: 'backup_not_found' });
  });

  test('that are finished are never overwritten or abandoned; unfinished ones leave nothing', async () => {
    const store = await open(await place());
    const record = await storedBackup(store, 'backup-20260124-103000');
    await expect(store.beginBackup(record.backup_id)).rejects.toMatchObject({ code: 'backup_failed' });
    await store.abandonBackup(record.backup_id);
    expect(await store.getBackup(record.backup_id)).toEqual(record);
    await store.beginBackup('backup-20260124-103001');
    const directory = join(store.location, 'backups', 'backup-20260124-103001');
    await mkdir(join(directory, 'x'));
    await store.beginBackup('backup-20260124-103001');
    expect(await readdir(directory)).toEqual([]);
    await store.abandonBackup('backup-20260124-103001');
    expect(await readdir(join(store.location, 'backups'))).toEqual([record.backup_id]);
  });
});

describe('removing', () => {
  const unwanted = () => Promise.resolve(false);

  test('takes a backup as a whole, and says what that freed', async () => {
    const store = await open(await place());
    await storedBackup(store, 'backup-20260124-103000');
    expect(await store.removeBackup('backup-20260124-103000', unwanted)).toBeGreaterThan(4);
    expect(await readdir(join(store.location, 'backups'))).toEqual([]);
    expect(await store.removeBackup('backup-20260124-103000', unwanted)).toBeNull();
    await expect(async () => store.removeBackup('../audit', unwanted)).rejects.toMatchObject({ code: 'backup_not_found' });
  });

  test('puts back what is wanted after all, or where that cannot be asked', async () => {
    const store = await open(await place());
    const record = await storedBackup(store, 'backup-20260124-103000');
    const seen: number[] = [];
    const wanted = async () => (seen.push((await store.listBackups()).backups.length), true);
    expect(await store.removeBackup(record.backup_id, wanted)).toBeNull();
    expect(seen, 'nobody finds it while that is asked').toEqual([0]);
    expect(await store.getBackup(record.backup_id)).toEqual(record);
    await expect(store.removeBackup(record.backup_id, () => Promise.reject(new Error('no answer')))).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await store.getBackup(record.backup_id)).toEqual(record);
  });

  test('killed in the middle leaves no half backup, and what it leaves is swept', async () => {
    const location = await place();
    const store = await open(location);
    const record = await storedBackup(store, 'backup-20260124-103000');
    const other = await storedBackup(store, 'backup-20260124-103001');
    const barriers = await tempDir();
    await writeFile(join(barriers, 'in-removal.stop'), '');
    const script = `const { openLocalStore } = await import(${JSON.stringify(await inDist('src/handlers/backup/store/local.js'))});
      const store = await openLocalStore({ backup: { location: ${JSON.stringify(location)} } });
      await store.removeBackup(${JSON.stringify(record.backup_id)}, async () => false);`;
    const removing = execa(process.execPath, ['--input-type=module', '-e', script], { env: { FABER_DB_TEST_BARRIERS: barriers }, reject: false });
    await eventually(() => readdir(barriers), (names) => names.includes('in-removal.reached'));
    removing.kill('SIGKILL');
    await removing;
    expect(await store.listBackups()).toEqual({ backups: [other], damaged: [] });
    const left = await store.leftovers(0);
    expect(left).toMatchObject([{ path: expect.stringMatching(/backups\/\.tmp-/) as string }]);
    await store.removeLeftover(left[0]!.path);
    expect(await readdir(join(location, 'backups'))).toEqual([other.backup_id]);
  });

  test('sweeps what was cut off and not touched since, and nothing else', async () => {
    const store = await open(await place());
    const record = await storedBackup(store, 'backup-20260124-103000');
    await store.putArtifact(bytes('plan'));
    await store.beginBackup('backup-20260124-103001');
    await mkdir(join(store.location, 'backups', '.tmp-0011223344556677'));
    await writeFile(join(store.location, 'artifacts', '.tmp-8899aabbccddeeff'), 'half');
    expect(await store.leftovers(60_000)).toEqual([]);
    const left = await store.leftovers(0);
    expect(left.map(({ path }) => path.slice(store.location.length + 1)).sort()).toEqual(['artifacts/.tmp-8899aabbccddeeff', 'backups/.tmp-0011223344556677', 'backups/backup-20260124-103001']);
    for (const { path } of left) await store.removeLeftover(path);
    expect(await store.listBackups()).toEqual({ backups: [record], damaged: [] });
    expect(await store.artifacts()).toHaveLength(1);
  });

  test('knows the error details of an operation from those of one whose id looks the same', async () => {
    const store = await open(await place());
    await store.putErrorDetail('a/b', 'one');
    await store.putErrorDetail('a:b', 'other');
    const [file] = await store.errorDetails(['a/b']);
    expect(await store.errorDetails(['a/b', 'nobody'])).toHaveLength(1);
    await store.removeErrorDetail(file!.name);
    expect((await store.errorDetails(['a/b', 'a:b'])).map(({ bytes: n }) => n)).toEqual(['other'.length]);
  });
});

test('what operations need is noted per operation, added up, and forgotten', async () => {
  const store = await open(await place());
  const need = { operation_id: 'op-1', namespace: 'default', environment: 'production', working_directory: '/srv/shop', at: '2026-01-24T10:30:00.000Z' };
  await store.refer({ ...need, artifacts: ['a'], backups: [] });
  await store.refer({ ...need, artifacts: ['a'], backups: ['b'] });
  await store.refer({ ...need, operation_id: 'op-2', artifacts: [], backups: ['c'] });
  await writeFile(join(store.location, 'references', 'x.json'), '{');
  await store.forget('op-2');
  expect(await store.references()).toEqual([{ ...need, artifacts: ['a'], backups: ['b'] }]);
});

test('an artifact that is used again is as young as its last use', async () => {
  const store = await open(await place());
  const sha = await store.putArtifact(bytes('plan'));
  const longAgo = new Date('2020-01-01');
  await utimes(join(store.location, 'artifacts', sha), longAgo, longAgo);
  expect((await store.artifacts())[0]?.changed_at).toBe(longAgo.getTime());
  await store.putArtifact(bytes('plan'));
  expect((await store.artifacts())[0]?.changed_at).toBeGreaterThan(Date.now() - 60_000);
});
