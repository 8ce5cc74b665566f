import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findPrograms } from '../../../src/handlers/backup/dump/postgresql/programs.js';
import { postgres } from '../../support/postgres.js';
import { tempDir } from '../../support/temp.js';

/** A folder with programs that only tell their version. */
async function client(version: string, names = ['pg_dump', 'pg_restore', 'psql']): Promise<string> {
  const folder = join(await tempDir(), 'bin');
  await mkdir(folder);
  for (const name of names) {
    await writeFile(join(folder, name), `#!/bin/sh\necho "${name} (PostgreSQL) ${version} (Debian ${version}-1)"\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

test('the programs of the running server are found', async () => {
  const { binDir } = await postgres();
  const { major } = await findPrograms(15, [binDir]);
  expect(major).toBe(15);
  expect((await findPrograms(15)).pg_dump).toMatch(/\/pg_dump$/);
});

test('FABER_DB_PG_BIN is looked at first', async () => {
  const folder = await client('15.99');
  process.env['FABER_DB_PG_BIN'] = folder;
  try {
    expect((await findPrograms(15)).folder).toBe(folder);
  } finally {
    delete process.env['FABER_DB_PG_BIN'];
  }
});

test('an equal major is taken before a newer one, wherever it stands', async () => {
  const [newer, equal] = [await client('16.2'), await client('15.4')];
  expect((await findPrograms(15, [newer, equal])).folder).toBe(equal);
});

test('the nearest newer major is taken where it is safe', async () => {
  const folders = [await client('16.2'), await client('14.1'), await client('15.4')];
  expect((await findPrograms(13, folders)).major).toBe(14);
});

test('a 17 or newer for a server before 17, an older one, and half an installation are refused with what was found', async () => {
  const [tooNew, tooOld, half] = [await client('18.0'), await client('14.9'), await client('15.1', ['pg_dump', 'psql'])];
  await expect(findPrograms(15, [tooNew, tooOld, half])).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringMatching(/server is PostgreSQL 15.*PostgreSQL 18 in .*, PostgreSQL 14 in /),
    suggestions: expect.arrayContaining([expect.stringContaining('FABER_DB_PG_BIN')]),
  });
  expect((await findPrograms(17, [tooNew])).major).toBe(18);
});
