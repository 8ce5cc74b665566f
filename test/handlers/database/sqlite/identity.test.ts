/** Which file a URL means, and which database that is. */
import { copyFile, cp, mkdir, rename, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { parseSqliteUrl } from '../../../../src/handlers/database/sqlite/connection-url.js';
import { locate } from '../../../../src/handlers/database/sqlite/locate.js';
import { tempDir } from '../../../support/temp.js';
import { database, scene } from './scene.js';

test.each([
  ['file:./dev.db', '/srv/prisma/dev.db'], ['file:dev.db?connection_limit=1&socket_timeout=10', '/srv/prisma/dev.db'], ['file:../data/my%20db.sqlite', '/srv/data/my%20db.sqlite'],
  ['file:/abs/dev.db', '/abs/dev.db'], ['file:///abs/my%20dev.db', '/abs/my dev.db'], ['sqlite:///abs/dev.db', '/abs/dev.db'], ['sqlite:dev.db', '/srv/prisma/dev.db'],
  ['sqlite3:./dev.db', '/srv/prisma/dev.db'], ['./dev.db', '/srv/prisma/dev.db'], ['/abs/dev.db', '/abs/dev.db'],
])('%s', (url, file) => {
  expect(parseSqliteUrl(url, '/srv/prisma').file).toBe(file);
});

test.each([
  ':memory:', 'file::memory:?cache=shared', 'file:dev.db?mode=memory', 'file:dev.db?mode=ro', 'file:dev.db?vfs=unix-dotfile', 'file:./folder/', 'file:', 'file://host/share/dev.db',
  'libsql://user:secret@host.turso.io', 'postgresql://user:secret@host/db', 'whatever:secret',
])('%s is refused, without being quoted', (url) => {
  const parse = () => parseSqliteUrl(url, '/srv');
  expect(parse).toThrow(expect.objectContaining({ code: 'connection_not_configured' }));
  expect(parse).not.toThrow(/secret/);
});

test('two routes to a file are one database, a copy is another', async () => {
  const { db, target, fence } = await scene();
  const row = { operation_id: 'op-1', operation: 'migrate', environment: 'production', request_digest: 'd', plan_hash: null, artifact: null, requested_by: null };
  await database.bookkeeping.begin(target, fence, row, 'production');
  const folder = await tempDir();
  await symlink(dirname(db.file), join(folder, 'link'));
  const through = database.target(`file:${join(folder, 'link', 'app.db')}`);
  expect(await database.identify(through)).toEqual(await database.identify(target));
  expect((await database.identify(through)).marker).toBe('production');

  await copyFile(db.file, join(folder, 'app.db'));
  await copyFile(`${db.file}.faber-db`, join(folder, 'app.db.faber-db'));
  const copy = database.target(`file:${join(folder, 'app.db')}`);
  expect((await database.identify(copy)).identity).not.toBe((await database.identify(target)).identity);
  expect(await database.identify(copy)).toMatchObject({ marker: null });
  expect(await database.bookkeeping.unfinished(copy)).toEqual([]);
  await database.bookkeeping.ensure(copy);
  expect((await database.identify(target)).marker).toBe('production');
});

test('a file that is moved with its sidecar stays what it was', async () => {
  const { db, target, fence } = await scene();
  const row = { operation_id: 'op-1', operation: 'migrate', environment: 'dev', request_digest: 'd', plan_hash: null, artifact: null, requested_by: null };
  await database.bookkeeping.begin(target, fence, row, 'dev');
  const folder = join(dirname(db.file), 'moved');
  await mkdir(folder);
  for (const ending of ['', '.faber-db']) await rename(`${db.file}${ending}`, join(folder, `app.db${ending}`));
  const moved = database.target(`file:${join(folder, 'app.db')}`);
  expect((await database.identify(moved)).marker).toBe('dev');
  expect(await database.bookkeeping.unfinished(moved)).toHaveLength(1);
  await cp(folder, `${folder}-copy`, { recursive: true });
  expect((await database.identify(database.target(`file:${folder}-copy/app.db`))).marker).toBeNull();
});

test('FABER_DB_ROOTS is about the file, with links followed', async () => {
  const { db, target } = await scene();
  await expect(locate(target, { FABER_DB_ROOTS: '/nowhere' })).rejects.toMatchObject({ code: 'config_invalid' });
  expect(await locate(target, { FABER_DB_ROOTS: dirname(db.file) })).toMatchObject({ there: true });
});

test('a folder, a missing file and a file that is no database say what they are', async () => {
  const folder = await tempDir();
  await expect(database.identify(database.target(`file:${folder}`))).rejects.toMatchObject({ code: 'health_check_failed', message: expect.stringContaining('folder') });
  const missing = database.target(`file:${join(folder, 'app.db')}`);
  await expect(database.identify(missing)).rejects.toMatchObject({ code: 'health_check_failed', message: expect.stringContaining('no such file') });
  expect(await database.identify(missing, { mayBeMissing: true })).toMatchObject({ missing: true, empty: true });
  expect((await database.checkHealth(missing, {} as never))[0]).toMatchObject({ name: 'connectivity', status: 'unhealthy' });
  await database.createDatabase(missing);
  await database.createDatabase(missing);
  expect(await database.identify(missing)).toMatchObject({ empty: true, sizeBytes: 4096 });
});
