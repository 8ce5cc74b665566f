/** scripts/build.mjs on a copy of the sources. */
import { execFile } from 'node:child_process';
import { appendFile, cp, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { tempDir } from '../support/temp.js';

let root: string;

beforeAll(async () => {
  root = await tempDir();
  for (const name of ['src', 'worker.ts', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']) {
    await cp(name, join(root, name), { recursive: true });
  }
  await symlink(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
});

function setUp(): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [join(root, 'scripts', 'setup.mjs')], (_, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }));
  });
}

describe('the build', () => {
  test('makes the worker, its workflow bundle and the schema of the config, and leaves no test file in dist', async () => {
    expect(await setUp()).toMatchObject({ exitCode: 0, stdout: '' });
    const schema = JSON.parse(await readFile(join(root, 'dist', 'config.schema.json'), 'utf8')) as { properties: object };
    expect(Object.keys(schema.properties)).toContain('environments');
    expect((await stat(join(root, 'dist', 'workflow-bundle.js'))).size).toBeGreaterThan(100_000);
    const files = await readdir(join(root, 'dist'), { recursive: true });
    expect(files).toContain('worker.js');
    expect(files.filter((file) => file.includes('test'))).toEqual([]);
  });

  test('is not repeated while the sources are the same, and is when one changed', async () => {
    expect((await setUp()).stderr).toBe('');
    await appendFile(join(root, 'src', 'contract', 'names.ts'), '\nexport const ADDED = 1;\n');
    expect((await setUp()).stderr).toContain('Building dist');
    expect(await readFile(join(root, 'dist', 'src', 'contract', 'names.js'), 'utf8')).toContain('ADDED');
  });

  test('that fails keeps the old dist, leaves nothing beside it, and says why', async () => {
    const before = await readFile(join(root, 'dist', 'src', 'contract', 'names.js'), 'utf8');
    await writeFile(join(root, 'src', 'contract', 'names.ts'), 'export const broken: number = "text";\n');
    const { exitCode, stderr } = await setUp();
    expect(exitCode).toBe(1);
    expect(stderr).toContain('do not compile');
    expect(await readFile(join(root, 'dist', 'src', 'contract', 'names.js'), 'utf8')).toBe(before);
    expect((await readdir(root)).filter((name) => name.startsWith('dist'))).toEqual(['dist']);
  });
});
