/** A folder of PostgreSQL programs of which one is another: as an old, a broken or a curious installation has them. */
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { postgres } from './postgres.js';
import { tempDir } from './temp.js';

/**
 * @param pgDump the body of a shell script that stands for pg_dump; `$REAL` is the real one. Asked for its version, it
 *   answers as the real one unless the body does so itself.
 */
export async function clientWith(pgDump: string): Promise<string> {
  const { binDir } = await postgres();
  const folder = join(await tempDir(), 'bin');
  await mkdir(folder);
  for (const name of ['pg_restore', 'psql', 'pg_dumpall']) await symlink(join(binDir, name), join(folder, name));
  await script(join(folder, 'pg_dump'), `REAL='${join(binDir, 'pg_dump')}'\n${pgDump}\n`);
  return folder;
}

/** A client of a version that no server here has: every program tells it. */
export async function clientOfVersion(version: string): Promise<string> {
  const folder = join(await tempDir(), 'bin');
  await mkdir(folder);
  for (const name of ['pg_dump', 'pg_restore', 'psql']) await script(join(folder, name), `echo "${name} (PostgreSQL) ${version}"\n`);
  return folder;
}

async function script(file: string, body: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\n${body}`);
  await chmod(file, 0o755);
}
