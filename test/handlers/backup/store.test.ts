/** What every store does, over each kind of it; and what only a folder can go wrong with. */
import { appendFile, mkdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import type { BackupRecord } from '../../../src/contract/backup.js';
import type { Store } from '../../../src/handlers/backup/contract.js';
import { inDist } from '../../support/dist.js';
import { eventually } from '../../support/eventually.js';
import { tempDir } from '../../support/temp.js';
import { never } from './setup.js';
import { local, open, s3 } from './store-kinds.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const writing = { signal: never, expectedBytes: null };
const ID = 'backup-20260124-103000';

async function storedBackup(store: Store, backupId: string, more: Partial<BackupRecord> = {}): Promise<BackupRecord> {
  await store.beginBackup(backupId);
  await store.writeFile(backupId, 'dump.pgc', writing, (take) => take(bytes('data')));
  const record: BackupRecord = {
    manifest_version: 1, backup_id: backupId, environment: 'production', identity: 'postgresql:1/shop', database: 'shop', provider: 'postgresql',
    server_version: '15.1', created_at: '2026-01-24T10:30:00.000Z', store_id: store.id, file: 'dump.pgc', format: 'pg_dump-custom', compression: 'none',
    size_bytes: 4, sha256: DATA, level: 'checked', proven_at: null, tables: [], ledger_digest: null, snapshot: { position: '1:1:', lsn: null },
    label: null, reason: null, operation_id: null, duration_seconds: 1, restore_commands: [], ...more,
  };
  await store.commitBackup(record);
  return record;
}

/** Of the bytes `data`. */
const DATA = '3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7';

async function readAll(store: Store, record: BackupRecord, name = record.file): Promise<string> {
  const pieces: Buffer[] = [];
  await store.readFile(record, name, async (piece) => void pieces.push(Buffer.from(piece)), never);
  return Buffer.concat(pieces).toString();
}

describe.each([local, s3])('a $name store', (kind) => {
  const names = (store: Store) => kind.names(store.location);
  const fresh = async () => open(kind, await kind.place());

  describe('opening', () => {
    test('makes a store of an empty place, and finds the same id again', async () => {
      const location = await kind.place();
      const store = await open(kind, location);
      expect((await open(kind, location)).id).toBe(store.id);
      expect(await names(store)).toEqual(['store.json']);
      await store.preflight();
      expect(await names(store)).toEqual(['store.json']);
    });

    test('gives every one of many that open an empty place at once the same id', async () => {
      const location = await kind.place();
      const stores = await Promise.all(Array.from({ length: 8 }, () => open(kind, location)));
      expect(new Set(stores.map((store) => store.id)).size).toBe(1);
      expect(await kind.names(location)).toEqual(['store.json']);
    });

    test('refuses a place with other things in it', async () => {
      const location = await kind.place();
      await kind.write(location, 'thesis.doc', '');
      await expect(open(kind, location)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('holds other') });
      expect(await kind.names(location)).toEqual(['thesis.doc']);
    });

    test('refuses a store whose store.json was lost or damaged instead of giving it a new id', async () => {
      const store = await fresh();
      await store.putArtifact(bytes('plan'));
      await kind.write(store.location, 'store.json', '{"store_version":1,"id":');
      await expect(open(kind, store.location)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('damaged') });
      await kind.remove(store.location, 'store.json');
      await expect(open(kind, store.location)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('was lost') });
    });
  });

  describe('artifacts', () => {
    test('are kept under their sha256, once, and read back the same', async () => {
      const store = await fresh();
      const sha = await store.putArtifact(bytes('plan'));
      expect(await store.putArtifact(bytes('plan'))).toBe(sha);
      expect(Buffer.from(await store.getArtifact(sha)).toString()).toBe('plan');
      expect(await store.artifacts()).toMatchObject([{ name: sha, bytes: 4 }]);
    });

    test('that are damaged or missing are refused, and a damaged one is mended by putting it again', async () => {
      const store = await fresh();
      const sha = await store.putArtifact(bytes('plan'));
      await kind.write(store.location, `artifacts/${sha}`, 'plam');
      await expect(store.getArtifact(sha)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('damaged') });
      await store.putArtifact(bytes('plan'));
      expect(Buffer.from(await store.getArtifact(sha)).toString()).toBe('plan');
      await expect(store.getArtifact('f'.repeat(64))).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('is not in') });
    });

    test('are never read from outside of the store', async () => {
      const store = await fresh();
      await expect(async () => store.getArtifact('../store.json')).rejects.toMatchObject({ code: 'store_unavailable' });
    });
  });

  test('the audit log repeats no record, however often and by how many at once it is delivered', async () => {
    const location = await kind.place();
    const [one, other] = [await open(kind, location), await open(kind, location)];
    await Promise.all([one, other, one, other].map((store) => store.appendAudit({ record_id: 'r1' })));
    await one.appendAudit({ record_id: 'r2', comment: 'r3' } as { record_id: string });
    await other.appendAudit({ record_id: 'r1' });
    await other.appendAudit({ record_id: 'r3' });
    const files = (await kind.names(location)).filter((name) => name.startsWith('audit/'));
    const lines = (await Promise.all(files.map((name) => kind.read(location, name)))).join('').split('\n').filter(Boolean);
    expect(lines.map((line) => (JSON.parse(line) as { record_id: string }).record_id).sort()).toEqual(['r1', 'r2', 'r3']);
  });

  test('error details get a place whose name holds nothing that leads out of the store', async () => {
    const store = await fresh();
    const path = await store.putErrorDetail('../../migrate production', 'Key (email)=(a@b) exists');
    expect(path.startsWith(`${store.location}/errors/`)).toBe(true);
    expect(path).not.toContain('..');
    expect(await kind.read(store.location, path.slice(store.location.length + 1))).toContain('a@b');
  });

  describe('backups', () => {
    test('exist from their manifest on, newest first, of one environment or all', async () => {
      const store = await fresh();
      await store.beginBackup('backup-20260124-103002');
      await store.writeFile('backup-20260124-103002', 'dump.pgc', writing, (take) => take(bytes('data')));
      const older = await storedBackup(store, ID);
      const newer = await storedBackup(store, 'backup-20260124-103001-x', { created_at: '2026-01-25T00:00:00.000Z', environment: 'staging' });
      expect(await store.listBackups()).toEqual({ backups: [newer, older], damaged: [] });
      expect((await store.listBackups('production')).backups).toEqual([older]);
      await expect(store.getBackup('backup-20260124-103002')).rejects.toMatchObject({ code: 'backup_not_found' });
    });

    test('that are damaged are named and left out of the list', async () => {
      const store = await fresh();
      for (const second of [0, 1, 2, 3, 4]) await storedBackup(store, `backup-20260124-10300${second}`);
      const inside = (second: number, name: string) => `backups/backup-20260124-10300${second}/${name}`;
      await kind.write(store.location, inside(1, 'manifest.json'), '{');
      await kind.remove(store.location, inside(2, 'dump.pgc'));
      await kind.write(store.location, inside(3, 'dump.pgc'), 'dat');
      await kind.write(store.location, inside(4, 'manifest.json'), await kind.read(store.location, inside(0, 'manifest.json')));
      const { backups, damaged } = await store.listBackups();
      expect(backups.map((backup) => backup.backup_id)).toEqual([ID]);
      expect(damaged).toEqual([1, 2, 3, 4].map((second) => `backup-20260124-10300${second}`));
      await expect(store.getBackup('backup-20260124-103003')).rejects.toMatchObject({ code: 'backup_unusable', message: expect.stringContaining('3 bytes instead of 4') });
      await expect(store.getBackup('backup-20260124-103002')).rejects.toMatchObject({ code: 'backup_unusable', message: expect.stringContaining('missing') });
    });

    test('of another store, and manifests that name a file elsewhere, are refused', async () => {
      const store = await fresh();
      await expect(storedBackup(store, ID, { store_id: 'other' })).rejects.toMatchObject({ code: 'backup_failed' });
      await expect(storedBackup(store, 'backup-20260124-103001', { file: '../../store.json' })).rejects.toMatchObject({ code: 'backup_failed' });
      await expect(storedBackup(store, 'backup-20260124-103002', { file: 'manifest.json' })).rejects.toMatchObject({ code: 'backup_failed' });
      await expect(async () => store.getBackup('../audit')).rejects.toMatchObject({ code: 'backup_not_found' });
    });

    test('that are finished are never overwritten or abandoned; unfinished ones leave nothing', async () => {
      const store = await fresh();
      const record = await storedBackup(store, ID);
      await expect(store.beginBackup(record.backup_id)).rejects.toMatchObject({ code: 'backup_failed' });
      await store.abandonBackup(record.backup_id);
      expect(await store.getBackup(record.backup_id)).toEqual(record);
      const before = await names(store);
      await store.beginBackup('backup-20260124-103001');
      await store.writeFile('backup-20260124-103001', 'structure.json', writing, (take) => take(bytes('[]')));
      await store.beginBackup('backup-20260124-103001');
      expect(await names(store)).toEqual(before);
      await store.writeFile('backup-20260124-103001', 'structure.json', writing, (take) => take(bytes('[]')));
      await store.abandonBackup('backup-20260124-103001');
      expect(await names(store)).toEqual(before);
    });

    test('are raised by a manifest in place of the first, which must be there', async () => {
      const store = await fresh();
      const record = await storedBackup(store, ID);
      await store.updateBackup({ ...record, level: 'proven' });
      expect((await store.getBackup(ID)).level).toBe('proven');
      await expect(store.updateBackup({ ...record, backup_id: 'backup-20260124-103009' })).rejects.toMatchObject({ code: 'backup_not_found' });
    });
  });

  describe('files of a backup', () => {
    test('come back as they were given, also from a buffer that is used again', async () => {
      const store = await fresh();
      await store.beginBackup(ID);
      const piece = Buffer.alloc(300_000);
      const stored = await store.writeFile(ID, 'dump.pgc', writing, async (take) => {
        for (const fill of ['a', 'b', 'c']) await take(piece.fill(fill));
        piece.fill('x');
      });
      expect(stored).toMatchObject({ file: 'dump.pgc', size_bytes: 900_000, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
      const record = { backup_id: ID, file: 'dump.pgc', size_bytes: 900_000, sha256: stored.sha256 } as BackupRecord;
      expect(await readAll(store, record)).toBe(['a', 'b', 'c'].map((letter) => letter.repeat(300_000)).join(''));
    });

    test('are not there when who gives them fails, or the work is cancelled', async () => {
      const store = await fresh();
      await store.beginBackup(ID);
      const failing = store.writeFile(ID, 'dump.pgc', writing, async (take) => {
        await take(bytes('half'));
        throw new RangeError('the child died');
      });
      await expect(failing).rejects.toThrow(RangeError);
      const cancel = new AbortController();
      const cancelled = store.writeFile(ID, 'dump.pgc', { ...writing, signal: cancel.signal }, async (take) => {
        await take(bytes('half'));
        cancel.abort(new Error('shutting down'));
      });
      await expect(cancelled).rejects.toThrow('shutting down');
      expect(await names(store)).toEqual(['store.json']);
      expect((await store.leftovers(0)).filter(({ path }) => !path.endsWith(ID))).toEqual([]);
    });

    test('that differ from the manifest by a byte, or are missing, are told apart from a failure to take them', async () => {
      const store = await fresh();
      const record = await storedBackup(store, ID);
      expect(await readAll(store, record)).toBe('data');
      await expect(store.readFile(record, record.file, () => Promise.reject(new RangeError('full')), never)).rejects.toThrow(RangeError);
      await expect(store.readFile(record, record.file, async () => undefined, AbortSignal.abort(new Error('shutting down')))).rejects.toThrow('shutting down');
      await kind.write(store.location, `backups/${ID}/dump.pgc`, 'dada');
      await expect(readAll(store, record)).rejects.toMatchObject({ code: 'backup_unusable', message: expect.stringContaining('sha256') });
      await kind.write(store.location, `backups/${ID}/dump.pgc`, 'dat');
      await expect(readAll(store, record)).rejects.toMatchObject({ code: 'backup_unusable', message: expect.stringContaining('3 bytes instead of 4') });
      await kind.remove(store.location, `backups/${ID}/dump.pgc`);
      await expect(readAll(store, record)).rejects.toMatchObject({ code: 'backup_unusable', message: expect.stringContaining('missing') });
      await expect(readAll(store, record, 'structure.json')).rejects.toMatchObject({ code: 'backup_unusable', message: expect.stringContaining('structure.json is missing') });
    });
  });

  describe('removing', () => {
    const unwanted = () => Promise.resolve(false);

    test('takes a backup as a whole, and says what that freed', async () => {
      const store = await fresh();
      await storedBackup(store, ID);
      expect(await store.removeBackup(ID, unwanted)).toBeGreaterThan(4);
      expect(await names(store)).toEqual(['store.json']);
      expect(await store.removeBackup(ID, unwanted)).toBeNull();
      await expect(async () => store.removeBackup('../audit', unwanted)).rejects.toMatchObject({ code: 'backup_not_found' });
    });

    test('puts back what is wanted after all, or where that cannot be asked', async () => {
      const store = await fresh();
      const record = await storedBackup(store, ID);
      const sha = await store.putArtifact(bytes('plan'));
      const before = await names(store);
      const seen: number[] = [];
      const wanted = async () => (seen.push((await store.listBackups()).backups.length), true);
      expect(await store.removeBackup(ID, wanted)).toBeNull();
      expect(seen, 'nobody finds it while that is asked').toEqual([0]);
      expect(await store.getBackup(ID)).toEqual(record);
      await expect(store.removeBackup(ID, () => Promise.reject(new RangeError('no answer')))).rejects.toThrow();
      expect(await store.getBackup(ID)).toEqual(record);
      expect(await store.removeArtifact(sha, () => Promise.resolve(true))).toBeNull();
      expect(await names(store)).toEqual(before);
      expect(await store.removeArtifact(sha, unwanted)).toBe(4);
      expect(await store.removeArtifact(sha, unwanted)).toBeNull();
    });

    test('killed in the middle leaves no half backup, and what it leaves is swept', async () => {
      const store = await fresh();
      await storedBackup(store, ID);
      const other = await storedBackup(store, 'backup-20260124-103001');
      const barriers = await tempDir();
      await writeFile(join(barriers, 'in-removal.stop'), '');
      const script = `const { openStore } = await import(${JSON.stringify(await inDist('src/handlers/backup/store/open.js'))});
        const store = await openStore(${JSON.stringify(await kind.settings(store.location))});
        await store.removeBackup(${JSON.stringify(ID)}, async () => false);`;
      const removing = execa(process.execPath, ['--input-type=module', '-e', script], { env: { FABER_DB_TEST_BARRIERS: barriers }, reject: false });
      await eventually(() => local.names(barriers), (there) => there.includes('in-removal.reached'));
      removing.kill('SIGKILL');
      await removing;
      expect(await store.listBackups()).toEqual({ backups: [other], damaged: [] });
      const left = await store.leftovers(0);
      expect(left).not.toEqual([]);
      for (const { path } of left) await store.removeLeftover(path);
      expect(await store.leftovers(0)).toEqual([]);
      expect((await names(store)).filter((name) => !name.includes('103001'))).toEqual(['store.json']);
      expect(await store.listBackups()).toEqual({ backups: [other], damaged: [] });
    });

    test('sweeps what was cut off and not touched since, and nothing else', async () => {
      const store = await fresh();
      const record = await storedBackup(store, ID);
      await store.putArtifact(bytes('plan'));
      await store.beginBackup('backup-20260124-103001');
      await store.writeFile('backup-20260124-103001', 'dump.pgc', writing, (take) => take(bytes('data')));
      expect(await store.leftovers(60_000)).toEqual([]);
      const left = await store.leftovers(0);
      expect(left).toMatchObject([{ path: expect.stringMatching(/backups\/backup-20260124-103001\/?$/), bytes: 4 }]);
      await store.removeLeftover(left[0]!.path);
      expect(await store.listBackups()).toEqual({ backups: [record], damaged: [] });
      expect(await store.artifacts()).toHaveLength(1);
      expect(await store.leftovers(0)).toEqual([]);
    });

    test('knows the error details of an operation from those of one whose id looks the same', async () => {
      const store = await fresh();
      await store.putErrorDetail('a/b', 'one');
      await store.putErrorDetail('a:b', 'other');
      const [file] = await store.errorDetails(['a/b']);
      expect(await store.errorDetails(['a/b', 'nobody'])).toHaveLength(1);
      await store.removeErrorDetail(file!.name);
      expect((await store.errorDetails(['a/b', 'a:b'])).map(({ bytes: n }) => n)).toEqual(['other'.length]);
    });
  });

  test('what operations need is noted per operation, added up, and forgotten', async () => {
    const store = await fresh();
    const need = { operation_id: 'op-1', namespace: 'default', environment: 'production', working_directory: '/srv/shop', at: '2026-01-24T10:30:00.000Z' };
    await store.refer({ ...need, artifacts: ['a'], backups: [] });
    await store.refer({ ...need, artifacts: ['a'], backups: ['b'] });
    await store.refer({ ...need, operation_id: 'op-2', artifacts: [], backups: ['c'] });
    await kind.write(store.location, 'references/x.json', '{');
    await store.forget('op-2');
    expect(await store.references()).toEqual([{ ...need, artifacts: ['a'], backups: ['b'] }]);
  });

  test('an artifact that is used again is as young as its last use', async () => {
    const store = await fresh();
    await store.putArtifact(bytes('plan'));
    const [first] = await store.artifacts();
    // S3 counts in seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await store.putArtifact(bytes('plan'));
    expect((await store.artifacts())[0]?.changed_at).toBeGreaterThan(first!.changed_at);
  });
});

describe('in a folder', () => {
  const fresh = async () => open(local, await local.place());

  test('all is private to its user', async () => {
    const store = await fresh();
    const sha = await store.putArtifact(bytes('plan'));
    const path = await store.putErrorDetail('op-1', 'Key (email)=(a@b) exists');
    await storedBackup(store, ID);
    const mode = async (file: string) => (await stat(file)).mode & 0o777;
    for (const folder of ['', 'artifacts', 'backups', 'audit', 'errors']) expect(await mode(join(store.location, folder))).toBe(0o700);
    for (const file of ['store.json', `artifacts/${sha}`, `backups/${ID}/dump.pgc`, `backups/${ID}/manifest.json`]) expect(await mode(join(store.location, file))).toBe(0o600);
    expect(await mode(path)).toBe(0o600);
  });

  test('a path that cannot be a folder is told', async () => {
    const file = join(await tempDir(), 'file');
    await writeFile(file, '');
    await expect(open(local, join(file, 'store'))).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('not a folder') });
  });

  test('no link is followed', async () => {
    const store = await fresh();
    const sha = 'a'.repeat(64);
    await symlink('/etc/hostname', join(store.location, 'artifacts', sha));
    await expect(store.getArtifact(sha)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('symbolic link') });
    const record = await storedBackup(store, ID);
    const dump = join(store.location, 'backups', ID, 'dump.pgc');
    await rm(dump);
    await symlink('/etc/hostname', dump);
    expect((await store.listBackups()).damaged).toEqual([ID]);
    await expect(readAll(store, record)).rejects.toMatchObject({ code: 'ELOOP' });
  });

  test('the audit log loses no record to half a line that a crash left', async () => {
    const store = await fresh();
    await store.appendAudit({ record_id: 'r1' });
    await appendFile(join(store.location, 'audit', 'audit.jsonl'), '{"record_id":"r2","op');
    await store.appendAudit({ record_id: 'r2' });
    expect((await readFile(join(store.location, 'audit', 'audit.jsonl'), 'utf8')).trim().split('\n').at(-1)).toBe('{"record_id":"r2"}');
  });

  test('writes and removals that were cut off are swept, and their age is that of the file', async () => {
    const store = await fresh();
    await mkdir(join(store.location, 'backups', '.tmp-0011223344556677'));
    await writeFile(join(store.location, 'artifacts', '.tmp-8899aabbccddeeff'), 'half');
    expect((await store.leftovers(0)).map(({ path }) => path.slice(store.location.length + 1)).sort()).toEqual(['artifacts/.tmp-8899aabbccddeeff', 'backups/.tmp-0011223344556677']);
    const sha = await store.putArtifact(bytes('plan'));
    const longAgo = new Date('2020-01-01');
    await utimes(join(store.location, 'artifacts', sha), longAgo, longAgo);
    expect((await store.artifacts())[0]?.changed_at).toBe(longAgo.getTime());
  });
});
