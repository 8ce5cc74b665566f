/** generate-migration as an operation: through a real worker, applied afterwards, and with the worker killed in the middle. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/client/cli/main.js';
import { GenerateMigrationResult } from '../../src/contract/results.js';
import { Barriers } from '../faults/barriers.js';
import { eventually } from '../support/eventually.js';
import { asAdmin } from '../support/postgres.js';
import { migrateStatus } from '../support/prisma-cli.js';
import { createStack, type Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';
import { temporal } from '../support/temporal.js';

const USER = (fields: string) => `datasource db {\n  provider = "postgresql"\n}\nmodel User {\n  id Int @id @default(autoincrement())\n  email String\n${fields}}\n`;
const model = (stack: Stack, text: string) => writeFile(join(stack.directory, 'prisma', 'schema.prisma'), text);
const inMigrations = async (stack: Stack) => (await readdir(join(stack.directory, 'prisma', 'migrations'))).filter((name) => name !== 'migration_lock.toml');
const scratchDatabases = (stack: Stack) =>
  asAdmin("SELECT datname FROM pg_database WHERE datname LIKE 'faber_db_scratch_%' AND pg_get_userbyid(datdba) = $1", [stack.database.role.name]);

async function cli(argv: string[], stack: Stack): Promise<{ code: number; out: string; err: string }> {
  const { address, namespace } = await temporal();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = { out: '', err: '' };
  stdout.on('data', (part: Buffer) => (said.out += part.toString()));
  stderr.on('data', (part: Buffer) => (said.err += part.toString()));
  const env = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, FABER_DB_TASK_QUEUE: stack.taskQueue, CLAUDE_DB_CWD: stack.directory };
  const code = await main(argv, { stdin: Object.assign(new PassThrough(), { isTTY: false }), stdout, stderr, env, invokedAs: 'faber-db', signal: new AbortController().signal });
  return { code, ...said };
}

let stacks: Record<'shop' | 'undo' | 'strict' | 'cancelled', Stack>;
beforeAll(async () => {
  stacks = await createStacks({ shop: {}, undo: {}, strict: {}, cancelled: {} });
});

describe.concurrent('generate-migration', () => {
  it('writes what the schema has, from the command line, and migrate applies it as the Prisma CLI would', async () => {
    const { shop } = stacks;
    await model(shop, USER(''));
    const first = await cli(['generate', 'init'], shop);
    expect(first.err).toContain('Started generate-migration');
    expect(first.out).toMatch(/^Wrote prisma\/migrations\/\d{14}_init; nothing was applied\n {2}1 statement, risk low; its down script loses data\nReview and commit it\. Apply it: {2}faber-db migrate dev\n$/);
    expect(first.code).toBe(0);

    await model(shop, USER('  age Int?\n'));
    const second = await cli(['generate-migration', 'age', '--environment', 'dev', '--json'], shop);
    const answer = JSON.parse(second.out) as { status: string; environment: string; result: GenerateMigrationResult };
    expect(answer).toMatchObject({ status: 'success', environment: 'dev' });
    const result = GenerateMigrationResult.parse(answer.result);
    expect(result).toMatchObject({ generated: true, statements: 1, undo: 'lossy', risk: 'low' });
    expect(await inMigrations(shop)).toContain(result.name);

    expect(await (await shop.start('migrate', { environment: 'dev' })).answer()).toMatchObject({ status: 'success', result: { migrations_applied: 2 } });
    await writeFile(join(shop.directory, 'prisma.config.mjs'), "export default { schema: 'prisma/schema.prisma', datasource: { url: process.env.DATABASE_URL } };\n");
    expect((await migrateStatus(shop.directory, shop.database.url)).output).toContain('Database schema is up to date');

    const nothing = await cli(['generate', 'nothing', '--json'], shop);
    expect(JSON.parse(nothing.out)).toMatchObject({ status: 'success', message: 'Nothing to generate: the migrations make what the schema says', result: { generated: false, name: null, findings: [] } });
    expect(await scratchDatabases(shop)).toEqual([]);
  });

  it('is answered with the engine’s words where the schema is not valid, and with what is missing where no environment is meant', async () => {
    const { strict } = stacks;
    await model(strict, USER('  age Nonsense\n'));
    const broken = await (await strict.start('generate-migration', { name: 'x', environment: 'dev' })).answer();
    expect(broken).toMatchObject({ status: 'error', code: 'plan_failed', error: expect.stringContaining('Type "Nonsense" is neither a built-in type') as string });

    const file = join(strict.directory, '.fractary', 'plugins', 'faber-db', 'config.json');
    const config = JSON.parse(await readFile(file, 'utf8')) as { environments: Record<string, unknown> };
    delete config.environments['dev'];
    await writeFile(file, JSON.stringify(config));
    const unnamed = await (await strict.start('generate-migration', { name: 'x', environment: undefined })).answer();
    expect(unnamed).toMatchObject({ status: 'error', code: 'invalid_request', error: expect.stringContaining('environment is missing') as string });
    expect((await cli(['generate', 'no good'], strict)).code).toBe(1);
    expect(await inMigrations(strict)).toEqual([]);
  });

  it('a generated down undoes by itself what destroyed nothing, and is not offered as the undo of what destroyed data', async () => {
    const { undo } = stacks;
    await model(undo, USER('  age Int?\n'));
    await (await undo.start('generate-migration', { name: 'init', environment: 'dev' })).answer();
    await (await undo.start('migrate', { environment: 'dev' })).answer();
    await undo.database.query(`INSERT INTO "User" (email, age) VALUES ('a', 7)`);

    await model(undo, USER('  age Int?\n  nick String?\n  @@index([nick])\n'));
    await (await undo.start('generate-migration', { name: 'nick', environment: 'dev' })).answer();
    await undo.migration('99990101000000_fails', 'SELECT 1/0');
    const undone = await (await undo.start('migrate', { environment: 'dev' })).answer();
    expect(undone).toMatchObject({ status: 'error', code: 'migration_failed', result: { migrations_applied_before_failure: 1, rollback: { status: 'undone', by: 'down', verified: true } } });
    await rm(join(undo.directory, 'prisma', 'migrations', '99990101000000_fails'), { recursive: true });
    expect(await (await undo.start('migrate', { environment: 'dev' })).answer()).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });

    await model(undo, USER('  nick String?\n  @@index([nick])\n'));
    const generated = await (await undo.start('generate-migration', { name: 'no_age', environment: 'dev' })).answer();
    expect(generated).toMatchObject({ status: 'success', result: { undo: 'restore_only', down_sha256: expect.any(String) as string } });
    await undo.migration('99990101000000_fails', 'SELECT 1/0');

    const migrate = await undo.start('migrate', { environment: 'dev' });
    const { phase } = await migrate.untilChange((state) => state.phase === 'waiting_for_decision');
    expect(phase).toBe('waiting_for_decision');
    const { answer } = await migrate.until((state) => state.answer !== null);
    expect(answer).toMatchObject({ status: 'error', result: { rollback: { status: 'stopped', reason: expect.stringContaining('no usable down script') as string } }, waiting_for: ['retry', 'accept'] });
    await migrate.handle.signal('resolve', { choice: 'accept', by: 'ana@example.com' });
    await migrate.answer();
  });

  it('cancelled in the middle leaves nothing', async () => {
    const { cancelled } = stacks;
    await model(cancelled, USER(''));
    // Long enough to be cancelled in the middle of the history.
    await cancelled.migration('20200101000000_slow', 'SELECT pg_sleep(60)');
    const generate = await cancelled.start('generate-migration', { name: 'x', environment: 'dev' });
    await eventually(() => scratchDatabases(cancelled), (found) => found.length > 0);
    await generate.handle.cancel();
    expect(await generate.answer()).toMatchObject({ status: 'cancelled', code: 'cancelled' });
    expect(await inMigrations(cancelled)).toEqual(['20200101000000_slow']);
    expect(await scratchDatabases(cancelled)).toEqual([]);
  });
});

describe.concurrent('the worker is killed', () => {
  it.each(['generated-unfinished', 'generated-written'])('at %s: one whole migration is there, and nothing else', async (point) => {
    const barriers = new Barriers(await mkdtemp(join(tmpdir(), 'faber-db-barriers-')));
    const stack = await createStack({ safety: { heartbeat_timeout_seconds: 5 }, env: { FABER_DB_TEST_BARRIERS: barriers.folder } });
    await model(stack, USER(''));
    await barriers.arm(point);
    const generate = await stack.start('generate-migration', { name: 'init', environment: 'dev' });
    await barriers.reached(point);
    await stack.killWorker();
    expect(await inMigrations(stack)).toHaveLength(point === 'generated-written' ? 1 : 0);
    await stack.startWorker();
    const answer = await generate.answer();
    expect(answer).toMatchObject({ status: 'success', result: { generated: true, down_sha256: expect.any(String) as string } });
    const [name, ...more] = await inMigrations(stack);
    expect([more, (answer.result as { name: string }).name]).toEqual([[], name]);
    expect((await readdir(join(stack.directory, 'prisma', 'migrations', name!))).sort()).toEqual(['down.sql', 'migration.sql']);
    expect((await readdir(join(stack.directory, 'prisma'))).sort()).toEqual(['migrations', 'schema.prisma']);
    expect(await scratchDatabases(stack)).toEqual([]);
  });
});
