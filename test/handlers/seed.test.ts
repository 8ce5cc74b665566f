/** A seed is a program of somebody else: it runs alone, sees little, prints what it likes, and dies with its worker. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seedCommand } from '../../src/handlers/migration/prisma/seed-command.js';
import { seedHandler } from '../../src/handlers/seed/index.js';
import { maskedTail } from '../../src/handlers/seed/mask-output.js';
import { eventually } from '../support/eventually.js';
import { inDist } from '../support/dist.js';
import { tempDir } from '../support/temp.js';
import { prismaSettings } from './migration/prisma/support.js';

async function project(script: string, seconds = 20) {
  const root = await tempDir();
  await writeFile(join(root, 'seed.mjs'), script);
  return { root, settings: { ...prismaSettings(root), seed: { command: null, timeout_seconds: seconds, url_variable: 'DATABASE_URL', variables: [] } } };
}

const run = { command: 'node seed.mjs', env: { PATH: process.env['PATH']!, DATABASE_URL: 'postgresql://u:s3cret-pass@h/d' }, secrets: ['s3cret-pass'], signal: new AbortController().signal };

describe('the seed of a project', () => {
  it('sees what it is given and nothing else, and its output is bounded and masked', async () => {
    process.env['NOT_FOR_SEEDS'] = 'x';
    const { settings } = await project(`
      process.stdout.write(JSON.stringify(Object.keys(process.env).sort()) + '\\n');
      for (let i = 0; i < 20000; i += 1) console.log('line', i, 'of many, so that it is cut');
      console.error('failed for ana@example.com: key ("email")=\\'ana\\' at', process.env.DATABASE_URL);
      process.stdin.on('data', () => {}).on('end', () => process.exit(3));`);
    const end = await seedHandler.run(run, settings);
    expect(end).toMatchObject({ succeeded: false, reason: 'it exited with code 3' });
    expect(end.output.length).toBeLessThan(300_000);
    expect(end.output).toContain("'ana'");
    expect(end.output).not.toContain('s3cret-pass');
    expect(end.tail).not.toMatch(/s3cret|ana/);
    expect(end.tail).toContain('failed for ***');
    const names = await project(`console.log(Object.keys(process.env).sort().join())`);
    expect((await seedHandler.run(run, names.settings)).output.trim().split(',')).not.toContain('NOT_FOR_SEEDS');
  });

  it('that hangs is ended with everybody it started, and one that is not there is told as such', async () => {
    const { root, settings } = await project(`
      import { spawn } from 'node:child_process'; import { writeFileSync } from 'node:fs';
      const child = spawn('sleep', ['300'], { stdio: 'inherit' }); writeFileSync('pid', String(child.pid)); process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);`, 1);
    expect(await seedHandler.run(run, settings)).toMatchObject({ succeeded: false, reason: expect.stringContaining('took longer than seed.timeout_seconds (1 s)') as string });
    const pid = Number(await readFile(join(root, 'pid'), 'utf8'));
    await eventually(async () => isAlive(pid), (alive) => !alive, 10);
    expect(await seedHandler.run({ ...run, command: 'no-such-program-here x' }, settings)).toMatchObject({ succeeded: false, reason: expect.stringContaining('is no-such-program-here installed') as string });
  });

  it('does not outlive a worker that was killed', async () => {
    const { root, settings } = await project(`import { writeFileSync } from 'node:fs'; writeFileSync('pid', String(process.pid)); setInterval(() => {}, 1000);`, 300);
    const script = `import(${JSON.stringify(await inDist('src/handlers/seed/index.js'))}).then((m) => m.seedHandler.run({ command: 'node seed.mjs', env: process.env, secrets: [], signal: new AbortController().signal }, ${JSON.stringify(settings)}))`;
    const worker = spawn(process.execPath, ['-e', script], { cwd: root, stdio: 'ignore' });
    const pid = Number(await eventually(() => readFile(join(root, 'pid'), 'utf8').catch(() => ''), (text) => text !== '', 20));
    expect(isAlive(pid)).toBe(true);
    worker.kill('SIGKILL');
    await eventually(async () => isAlive(pid), (alive) => !alive, 10);
  });

  it('is found where Prisma finds it, with the files that its words name', async () => {
    const { root, settings } = await project('');
    expect(await seedCommand(settings)).toBeNull();
    await writeFile(join(root, 'package.json'), JSON.stringify({ prisma: { seed: 'node seed.mjs' } }));
    expect(await seedCommand(settings)).toEqual({ command: 'node seed.mjs', source: 'package.json' });
    await writeFile(join(root, 'prisma.config.ts'), `export default { migrations: { path: 'prisma/migrations', // seed: 'no'\n seed: "ts-node --o '{\\"a\\":1}' seed.mjs" } }`);
    expect(await seedCommand(settings)).toEqual({ command: `ts-node --o '{"a":1}' seed.mjs`, source: 'prisma.config.ts' });
    await writeFile(join(root, 'prisma.config.ts'), 'export default { migrations: { seed: command() } }');
    await expect(seedCommand(settings)).rejects.toMatchObject({ code: 'plan_failed' });
    await mkdir(join(root, 'sub'));
    expect((await seedHandler.files('node ./seed.mjs sub ../../../etc/passwd /etc/passwd --x', settings)).map((f) => f.path)).toEqual(['seed.mjs']);
    expect((await seedHandler.files('npm run seed', settings)).map((f) => f.path)).toEqual(['package.json']);
    await expect(seedHandler.files('  ', settings)).rejects.toMatchObject({ code: 'plan_failed' });
  });

  it('masks before it cuts', () => {
    expect(maskedTail(`'${'x'.repeat(20)} value ${'y'.repeat(990)}'`)).toBe('***');
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
