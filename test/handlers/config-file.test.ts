import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CONFIG_PATH } from '../../src/contract/config.js';
import { configuredEnvironments, loadSettings } from '../../src/handlers/config-file.js';
import { tempDir } from '../support/temp.js';

const minimal = { environments: { dev: { connection_string_env: 'URL' }, production: { connection_string_env: 'URL' } } };

async function projectWith(content: string | Uint8Array, path = CONFIG_PATH): Promise<string> {
  const directory = await tempDir();
  await mkdir(dirname(join(directory, path)), { recursive: true });
  await writeFile(join(directory, path), content);
  return directory;
}

describe('config file', () => {
  it('is read where the plugin keeps it', async () => {
    const directory = await projectWith(JSON.stringify(minimal));
    const settings = await loadSettings(directory, 'production', {});
    expect(settings).toMatchObject({ environment: 'production', working_directory: directory, protected: true });
    expect(settings.migrations.directory).toBe(join(directory, 'prisma/migrations'));
    expect(await configuredEnvironments(directory, {})).toEqual(['dev', 'production']);
  });

  it('is read where FABER_DB_CONFIG names another', async () => {
    const directory = await projectWith(JSON.stringify(minimal), 'etc/db.json');
    expect((await loadSettings(directory, 'dev', { FABER_DB_CONFIG: 'etc/db.json' })).environment).toBe('dev');
    await expect(loadSettings(directory, 'dev', { FABER_DB_CONFIG: 'etc/none.json' })).rejects.toMatchObject({
      code: 'config_not_found',
      suggestions: [expect.stringContaining('faber-db init'), 'Expected etc/none.json'],
    });
  });

  it('that is missing is answered with what to do', async () => {
    const directory = await tempDir();
    await expect(loadSettings(directory, 'dev', {})).rejects.toMatchObject({
      code: 'config_not_found',
      message: 'FABER-DB plugin not configured',
      suggestions: [`Run \`faber-db init\` (or /faber-db:init) in ${directory}`, 'Expected .fractary/plugins/faber-db/config.json'],
    });
    await expect(loadSettings(join(directory, 'gone'), 'dev', {})).rejects.toMatchObject({
      code: 'config_not_found',
      suggestions: expect.arrayContaining([`${join(directory, 'gone')} does not exist on the worker`]) as string[],
    });
  });

  it('that is broken is named with the place, and not quoted', async () => {
    const directory = await projectWith('{"environments": {"dev": hunter2}}');
    await expect(loadSettings(directory, 'dev', {})).rejects.toMatchObject({
      code: 'config_invalid',
      message: '.fractary/plugins/faber-db/config.json is not valid JSON (line 1, column 26)',
    });
  });

  it('may begin with a byte order mark', async () => {
    const directory = await projectWith(`\uFEFF${JSON.stringify(minimal)}`);
    expect((await loadSettings(directory, 'dev', {})).protected).toBe(false);
  });

  it('that is a folder cannot be read', async () => {
    const directory = await tempDir();
    await mkdir(join(directory, CONFIG_PATH), { recursive: true });
    await expect(loadSettings(directory, 'dev', {})).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining('EISDIR') as string });
  });

  it('leaves the place of backups to FABER_DB_STORE, then to the data folder of the user', async () => {
    const directory = await projectWith(JSON.stringify(minimal));
    const location = async (variables: NodeJS.ProcessEnv) => (await loadSettings(directory, 'dev', variables)).backup.location;
    expect(await location({ FABER_DB_STORE: '/backups', XDG_DATA_HOME: '/data' })).toBe('/backups');
    expect(await location({ XDG_DATA_HOME: '/data' })).toBe('/data/faber-db/store');
    expect(await location({ XDG_DATA_HOME: 'relative' })).toMatch(/\/\.local\/share\/faber-db\/store$/);
  });

  it('is the only thing that decides: a variable that would skip checks is told to have no effect', async () => {
    const directory = await projectWith(JSON.stringify(minimal));
    const settings = await loadSettings(directory, 'production', { FABER_DB_SKIP_SAFETY_CHECKS: 'true' });
    const { warnings, ...same } = settings;
    expect(warnings).toEqual(['FABER_DB_SKIP_SAFETY_CHECKS has no effect: safety checks cannot be skipped by a variable']);
    expect(same).toEqual((({ warnings: _, ...rest }) => rest)(await loadSettings(directory, 'production', {})));
  });
});
