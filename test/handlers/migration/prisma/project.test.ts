import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { readProject } from '../../../../src/handlers/migration/prisma/project.js';
import { tempDir } from '../../../support/temp.js';
import { prismaSettings } from './support.js';

let root: string;
beforeEach(async () => {
  root = await tempDir();
});

async function files(contents: Record<string, string | Uint8Array>): Promise<void> {
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}
const read = (directory?: string) => readProject(prismaSettings(root, directory), ['postgresql', 'postgres']);
const namesOf = async (directory?: string) => (await read(directory)).migrations.map(({ name }) => name);

describe('where the migrations are', () => {
  test.each<[title: string, contents: Record<string, string>, place: string]>([
    ['the usual place', {}, 'prisma/migrations'],
    ['beside a schema in the root', { 'schema.prisma': '' }, 'migrations'],
    ['package.json "prisma.schema" (5 and 6)', { 'package.json': '{"prisma":{"schema":"db/main.prisma"}}', 'db/main.prisma': '' }, 'db/migrations'],
    ['prisma.config.ts schema', { 'prisma.config.ts': "import { defineConfig } from 'prisma/config'\nexport default defineConfig({\n  // schema: 'no',\n  schema: 'data/schema.prisma',\n})", 'data/schema.prisma': '' }, 'data/migrations'],
    ['prisma.config.ts migrations.path', { 'prisma.config.ts': "export default { schema: 'prisma', migrations: { seed: 'tsx seed.ts', path: './db/sql' }, datasource: { url: 'http://x//y' } }" }, 'db/sql'],
    ['path.join in prisma.config.ts', { 'prisma.config.ts': 'export default { schema: path.join("prisma", "schema") }' , 'prisma/schema/a.prisma': '' }, 'prisma/schema/migrations'],
    ['.config/prisma.ts', { '.config/prisma.ts': "export default { schema: 'x/schema.prisma' }" }, 'x/migrations'],
    ['a schema folder with the migrations beside it', { 'package.json': '{"prisma":{"schema":"prisma/schema"}}', 'prisma/schema/a.prisma': '' }, 'prisma/migrations'],
    ['a schema folder with the migrations inside', { 'prisma/schema/a.prisma': '' }, 'prisma/schema/migrations'],
  ])('%s', async (_title, contents, place) => {
    await files({ ...contents, [`${place}/001_a/migration.sql`]: 'SELECT 1' });
    const project = await read();
    expect(project.migrations.map(({ file }) => file)).toEqual([`${place}/001_a/migration.sql`]);
  });

  test('the folder of our own config wins', async () => {
    await files({ 'prisma/migrations/001_no/migration.sql': '', 'other/002_yes/migration.sql': '', 'prisma.config.ts': "export default { migrations: { path: 'prisma/migrations' } }" });
    expect(await namesOf(join(root, 'other'))).toEqual(['002_yes']);
  });

  test('a missing folder is an error, not an empty plan', async () => {
    await expect(read()).rejects.toMatchObject({ code: 'plan_failed', message: expect.stringContaining('no migrations folder') });
  });

  test('a computed path is refused, since the project is not executed', async () => {
    await files({ 'prisma.config.ts': 'export default { schema: process.env.SCHEMA }', 'prisma/migrations/001_a/migration.sql': '' });
    await expect(read()).rejects.toMatchObject({ code: 'plan_failed', message: expect.stringContaining('computes `schema`') });
  });
});

describe('which Prisma', () => {
  const migration = { 'prisma/migrations/001_a/migration.sql': '' };

  test.each(['5.22.0', '6.19.0', '7.10.1'])('%s as installed', async (version) => {
    await files({ ...migration, 'node_modules/prisma/package.json': JSON.stringify({ version }), 'package.json': '{"dependencies":{"prisma":"^4.0.0"}}' });
    expect((await read()).tool).toBe(`prisma ${version}`);
  });

  test('as package.json asks for it, where nothing is installed', async () => {
    await files({ ...migration, 'package.json': '{"devDependencies":{"prisma":"^6.2.1"}}' });
    expect((await read()).tool).toBe('prisma ^6.2.1');
  });

  test.each(['8.0.0-rc.1', '9.1.0', '4.16.2'])('%s is refused with the reason', async (version) => {
    await files({ ...migration, 'node_modules/prisma/package.json': JSON.stringify({ version }) });
    await expect(read()).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining(`Prisma ${version}`) });
  });
});

describe('what a migration is', () => {
  test('bytes as they are, with the down script beside', async () => {
    const odd = new Uint8Array([0xef, 0xbb, 0xbf, 0x2d, 0x2d, 0x0d, 0x0a]);
    await files({ 'prisma/migrations/001_a/migration.sql': odd, 'prisma/migrations/001_a/down.sql': 'SELECT 2', 'prisma/migrations/002_b/migration.sql': '' });
    const { migrations, warnings } = await read();
    expect(migrations.map(({ up, down }) => [up.length, down?.length ?? null])).toEqual([[7, 8], [0, null]]);
    expect(warnings).toEqual([expect.stringContaining('No Prisma found')]);
  });

  test('Prisma 7 sorts as localeCompare does, 6 by bytes, and a difference is told', async () => {
    await files({ 'prisma/migrations/b/migration.sql': '', 'prisma/migrations/B_2/migration.sql': '', 'prisma/migrations/a/migration.sql': '', 'package.json': '{"devDependencies":{"prisma":"7.1.0"}}' });
    expect(await namesOf()).toEqual(['a', 'b', 'B_2']);
    await files({ 'package.json': '{"devDependencies":{"prisma":"6.1.0"}}' });
    expect(await namesOf()).toEqual(['B_2', 'a', 'b']);
    expect((await read()).warnings).toEqual([expect.stringContaining('orders these migration names otherwise')]);
  });

  test.each<[title: string, make: () => Promise<unknown>, words: string]>([
    ['a folder without migration.sql', () => mkdir(join(root, 'prisma/migrations/002_b')), 'P3015'],
    ['a script that is a link out of the project', async () => {
      const outside = await tempDir();
      await writeFile(join(outside, 'x.sql'), 'SELECT 1');
      await mkdir(join(root, 'prisma/migrations/002_b'));
      await symlink(join(outside, 'x.sql'), join(root, 'prisma/migrations/002_b/migration.sql'));
    }, 'leads out of the project'],
    ['text that is not UTF-8', () => files({ 'prisma/migrations/002_b/migration.sql': new Uint8Array([0x2d, 0x2d, 0xe9]) }), 'not UTF-8'],
    ['a NUL byte', () => files({ 'prisma/migrations/002_b/migration.sql': new Uint8Array([0x2d, 0x00]) }), 'NUL byte'],
    ['migrations of another provider', () => files({ 'prisma/migrations/migration_lock.toml': 'provider = "mysql"' }), 'written for mysql'],
    ['a script that is a folder', () => mkdir(join(root, 'prisma/migrations/002_b/migration.sql'), { recursive: true }), 'cannot be read (EISDIR)'],
  ])('%s is refused', async (_title, make, words) => {
    await files({ 'prisma/migrations/001_a/migration.sql': '', 'package.json': '{"devDependencies":{"prisma":"7.1.0"}}' });
    await make();
    await expect(read()).rejects.toMatchObject({ code: 'plan_failed', message: expect.stringContaining(words) });
  });

  test('stray scripts and linked folders are no migrations, as in Prisma, and are told', async () => {
    await files({ 'prisma/migrations/001_a/migration.sql': '', 'prisma/migrations/stray.sql': '', 'prisma/migrations/README.md': '', 'elsewhere/migration.sql': '', 'package.json': '{"devDependencies":{"prisma":"7.1.0"}}' });
    await symlink(join(root, 'elsewhere'), join(root, 'prisma/migrations/002_link'));
    const { migrations, warnings } = await read();
    expect(migrations.map(({ name }) => name)).toEqual(['001_a']);
    expect(warnings.sort()).toEqual([expect.stringContaining('002_link is a symbolic link'), expect.stringContaining('stray.sql lies beside')]);
  });

  test('no migration at all is told', async () => {
    await files({ 'prisma/migrations/001_a/migration.sql': '' });
    await rm(join(root, 'prisma/migrations/001_a'), { recursive: true });
    expect((await read()).warnings).toContainEqual(expect.stringContaining('holds no migration'));
  });
});
