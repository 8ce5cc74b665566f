import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CONFIG_PATH } from '../../src/contract/config.js';
import { configuredEnvironments, loadSettings } from '../../src/handlers/config-file.js';
import { readProject } from '../../src/handlers/migration/prisma/project.js';
import { tempDir } from '../support/temp.js';

const CONFIG = { environments: { dev: { connection_string_env: 'URL' } } };

let base: string;
let allowed: string;
let elsewhere: string;
let variables: Record<string, string>;
beforeEach(async () => {
  base = await tempDir();
  allowed = join(base, 'projects');
  elsewhere = join(base, 'elsewhere');
  variables = { FABER_DB_ROOTS: `${join(base, 'none')}:${allowed}` };
  await project(join(allowed, 'shop'));
  await project(elsewhere);
});

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}
async function project(directory: string, config: object = CONFIG): Promise<void> {
  await write(join(directory, CONFIG_PATH), JSON.stringify(config));
  await write(join(directory, 'prisma/migrations/001_a/migration.sql'), 'SELECT 1');
}
const load = (directory: string, more: Record<string, string> = {}) => loadSettings(directory, 'dev', { ...variables, ...more });
const read = async (directory: string) => readProject(await loadSettings(directory, 'dev', {}), ['postgresql'], variables);

const outside = (code: string, what: string) => ({
  code,
  message: expect.stringMatching(new RegExp(`^${what} \\(.*\\) is outside the folders that this worker may use; nothing was read there$`)) as string,
  suggestions: [expect.stringContaining(allowed) as string, expect.stringContaining('FABER_DB_ROOTS') as string],
});

describe('a worker with FABER_DB_ROOTS', () => {
  it('reads projects in the roots, a root itself, and one that a link inside leads to within them', async () => {
    expect((await load(join(allowed, 'shop'))).environment).toBe('dev');
    expect((await read(join(allowed, 'shop'))).migrations).toHaveLength(1);
    await project(allowed);
    expect((await load(allowed)).environment).toBe('dev');
    await symlink(join(allowed, 'shop'), join(allowed, 'current'));
    expect((await read(join(allowed, 'current'))).migrations).toHaveLength(1);
    await symlink(allowed, join(base, 'linked-root'));
    expect((await load(join(base, 'linked-root', 'shop'), { FABER_DB_ROOTS: join(base, 'linked-root') })).environment).toBe('dev');
    expect((await load(elsewhere, { FABER_DB_ROOTS: '/' })).environment).toBe('dev');
  });

  it.each([
    ['a folder elsewhere', () => elsewhere],
    ['a folder whose name begins as a root', () => `${allowed}-2`],
    ['".." out of a root', () => `${allowed}/shop/../../elsewhere`],
    ['the root of the file system', () => '/'],
    ['a folder that is not there', () => join(base, 'nothing', 'there')],
    ['a root that is not there', () => join(base, 'none')],
  ])('refuses %s, whether there is a config or not', async (_title, directory) => {
    await project(`${allowed}-2`);
    await expect(load(directory())).rejects.toMatchObject(outside('invalid_request', 'working_directory'));
    await expect(configuredEnvironments(directory(), variables)).rejects.toMatchObject(outside('invalid_request', 'working_directory'));
  });

  it('refuses a link that leads out, a link behind ".." and a link into nothing', async () => {
    await symlink(elsewhere, join(allowed, 'link'));
    await symlink(join(base, 'later'), join(allowed, 'dangling'));
    await symlink(join(allowed, 'loop'), join(allowed, 'loop'));
    for (const name of ['link', 'dangling', 'loop', 'dangling/deeper']) {
      await expect(load(join(allowed, name)), name).rejects.toMatchObject(outside('invalid_request', 'working_directory'));
    }
    // What the path is by its text is what is read, not where the system would go.
    await symlink(join(allowed, 'shop', 'prisma'), join(elsewhere, 'in'));
    await expect(load(`${elsewhere}/in/..`)).rejects.toMatchObject(outside('invalid_request', 'working_directory'));
    expect((await load(`${allowed}/link/../shop`)).working_directory).toBe(join(allowed, 'shop'));
  });

  it('tells a directory in the roots that is not there from one it must not look at', async () => {
    await expect(load(join(allowed, 'gone'))).rejects.toMatchObject({ code: 'config_not_found' });
  });

  it('refuses a config that lies outside: by FABER_DB_CONFIG, or by a link', async () => {
    for (const named of ['../../elsewhere/.fractary/plugins/faber-db/config.json', join(elsewhere, CONFIG_PATH), '/etc/hostname']) {
      await expect(load(join(allowed, 'shop'), { FABER_DB_CONFIG: named }), named).rejects.toMatchObject(outside('config_invalid', 'FABER_DB_CONFIG'));
    }
    await rm(join(allowed, 'shop', CONFIG_PATH));
    await symlink(join(elsewhere, CONFIG_PATH), join(allowed, 'shop', CONFIG_PATH));
    await expect(load(join(allowed, 'shop'))).rejects.toMatchObject(outside('config_invalid', 'The config'));
    await rm(join(allowed, 'shop', '.fractary'), { recursive: true });
    await symlink(join(elsewhere, '.fractary'), join(allowed, 'shop', '.fractary'));
    await expect(load(join(allowed, 'shop'))).rejects.toMatchObject(outside('config_invalid', 'The config'));
  });

  it('refuses migrations.directory that leads out', async () => {
    await symlink(join(elsewhere, 'prisma'), join(allowed, 'shop', 'linked'));
    for (const directory of ['../../elsewhere/prisma/migrations', join(elsewhere, 'prisma/migrations'), 'linked/migrations']) {
      await project(join(allowed, 'shop'), { ...CONFIG, migrations: { directory } });
      await expect(load(join(allowed, 'shop')), directory).rejects.toMatchObject(outside('config_invalid', 'migrations.directory'));
    }
  });

  it.each<[title: string, file: string, content: string, what: string]>([
    ['migrations.path of prisma.config', 'prisma.config.ts', "export default { migrations: { path: '../../elsewhere/prisma/migrations' } }", 'The folder of the migrations'],
    ['schema of prisma.config', 'prisma.config.ts', "export default { schema: '../../elsewhere/prisma/schema.prisma' }", 'The Prisma schema'],
    ['prisma.schema of package.json', 'package.json', '{"prisma": {"schema": "/etc/schema.prisma"}}', 'The Prisma schema'],
  ])('refuses a project whose %s leads out', async (_title, file, content, what) => {
    await write(join(allowed, 'shop', file), content);
    await expect(read(join(allowed, 'shop'))).rejects.toMatchObject(outside('config_invalid', what));
  });

  it('refuses a migrations folder, and a migration, that is a link out', async () => {
    const migrations = join(allowed, 'shop', 'prisma/migrations');
    await write(join(elsewhere, 'secret.sql'), 'SELECT 2');
    await rm(join(migrations, '001_a/migration.sql'));
    await symlink(join(elsewhere, 'secret.sql'), join(migrations, '001_a/migration.sql'));
    await expect(read(join(allowed, 'shop'))).rejects.toMatchObject({ code: 'plan_failed', message: expect.stringContaining('leads out of the project') as string });
    await rm(migrations, { recursive: true });
    await symlink(join(elsewhere, 'prisma/migrations'), migrations);
    await expect(read(join(allowed, 'shop'))).rejects.toMatchObject(outside('config_invalid', 'The folder of the migrations'));
  });

  it('reads nothing of a project whose settings another worker loaded, when its own roots do not hold it', async () => {
    const settings = await loadSettings(elsewhere, 'dev', {});
    await expect(readProject(settings, ['postgresql'], variables)).rejects.toMatchObject(outside('invalid_request', 'working_directory'));
  });

  it.each([':', 'projects', '~/projects', '/srv:relative', './x'])('refuses every project when the roots are %j', async (value) => {
    await expect(load(join(allowed, 'shop'), { FABER_DB_ROOTS: value })).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining('FABER_DB_ROOTS') as string });
  });

  it('is not restricted when the variable is empty', async () => {
    expect((await load(elsewhere, { FABER_DB_ROOTS: '' })).environment).toBe('dev');
  });
});
