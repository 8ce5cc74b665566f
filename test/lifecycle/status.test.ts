import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EnvironmentStatus, HealthReport, Response, StatusResult } from '../../src/contract/index.js';
import { StatusResult as StatusSchema } from '../../src/contract/status.js';
import { Barriers } from '../faults/barriers.js';
import { cli } from '../support/cli.js';
import { createDatabase, asAdmin, type TestDatabase } from '../support/postgres.js';
import { createStack, type Stack } from '../support/stack.js';
import { tempDir } from '../support/temp.js';

const INIT = 'CREATE TABLE things (id int PRIMARY KEY, price int CHECK (price > 0));';
const MORE = 'CREATE TABLE more (id int);';

describe('status and health-check', () => {
  let stack: Stack;
  let messy: TestDatabase;
  let barriers: Barriers;
  let silent: Server;
  let at: string[];

  beforeAll(async () => {
    messy = await createDatabase();
    const careful = await createDatabase();
    const down = `postgresql://app:s3cret-pass@127.0.0.1:1/shop`;
    // Takes the connection and says nothing, as a server that stands still does.
    silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const hanging = `postgresql://app:s3cret-pass@127.0.0.1:${(silent.address() as AddressInfo).port}/shop?connect_timeout=3`;
    barriers = new Barriers(await tempDir());
    stack = await createStack({
      safety: { heartbeat_timeout_seconds: 5 },
      // How fast this machine is, and what others do on its server, is not what is asked.
      health_checks: { pending_migrations_warning: 2, latency_warning_ms: 60_000, latency_critical_ms: 120_000, connections_warning_percent: 100, long_transaction_warning_seconds: 86_400 },
      environments: {
        messy: { connection_string_env: 'MESSY_URL', protected: false },
        careful: { connection_string_env: 'CAREFUL_URL' },
        unset: { connection_string_env: 'NOT_SET_ANYWHERE', protected: true },
        down: { connection_string_env: 'DOWN_URL', protected: false },
        hanging: { connection_string_env: 'HANGING_URL', protected: false },
        elsewhere: { connection_string_env: 'DOWN_URL', protected: false, task_queue: `nobody-${randomBytes(4).toString('hex')}` },
      },
      env: { MESSY_URL: messy.url, CAREFUL_URL: careful.url, DOWN_URL: down, HANGING_URL: hanging, FABER_DB_TEST_BARRIERS: barriers.folder },
    });
    at = ['--working-directory', stack.directory, '--task-queue', stack.taskQueue];
    await stack.migration('20260101000000_init', INIT);
    await stack.migration('20260102000000_more', MORE);
    for (const environment of ['dev', 'messy']) expect(await (await stack.start('migrate', { environment })).answer()).toMatchObject({ status: 'success' });
    await stack.migration('20260103000000_next', 'CREATE TABLE next (id int);');
    await makeMess(messy);
  });
  afterAll(() => void silent.close());

  async function statusOf(environment?: string, more: Record<string, unknown> = {}): Promise<{ answer: Response; environments: Record<string, EnvironmentStatus> }> {
    const answer = await (await stack.start('status', { environment, ...more })).answer();
    expect(answer).toMatchObject({ status: 'success', operation: 'status' });
    const { environments } = StatusSchema.parse((answer as { result: unknown }).result) satisfies StatusResult;
    return { answer, environments: Object.fromEntries(environments.map((one) => [one.environment, one])) };
  }

  it('shows all environments side by side in one answer, those that nobody can reach included, and waits for none', async () => {
    const waits = await stack.start('migrate', { environment: 'careful' });
    await waits.until((s) => s.phase === 'waiting_for_approval');
    const { answer, environments } = await statusOf();
    await waits.handle.cancel();
    expect(Object.keys(environments)).toEqual(['production', 'dev', 'messy', 'careful', 'unset', 'down', 'hanging', 'elsewhere']);
    expect((answer as { message: string }).message).toBe('4 of 8 environments reachable, 1 with drift');
    expect(environments['dev']).toMatchObject({
      reachable: true, protected: false, problem: null, env_vars: [{ name: 'PROD_DATABASE_URL', value: 'SET' }],
      database: { name: stack.database.name, marker: 'dev', standby: false },
      migrations: { ledger: true, applied: { count: 2, last: '20260102000000_more' }, pending: { count: 1, names: ['20260103000000_next'] }, failed: { count: 0 } },
      drift: { status: 'none', total: 0, migrations: 2 }, interrupted: [], next: ['1 pending: faber-db migrate dev'],
    });
    expect(environments['production']).toMatchObject({
      protected: true, last_backup: null,
      next: expect.arrayContaining(["The database says that it is 'dev', not 'production': check the variable of its URL", 'No backup: faber-db backup production']) as string[],
    });
    expect(environments['careful']).toMatchObject({
      database: { marker: null, empty: true }, migrations: { ledger: false, pending: { count: 3 } }, drift: { status: 'unknown', reason: expect.stringContaining('no migration ledger') as string },
      waiting: [{ workflow_id: waits.id, operation: 'migrate', waiting_for: expect.stringMatching(/^approval of plan [0-9a-f]{12} until 20/) as string, command: expect.stringContaining(`faber-db approve ${waits.id} --plan `) as string }],
    });
    expect(environments['unset']).toMatchObject({ reachable: false, env_vars: [{ name: 'NOT_SET_ANYWHERE', value: 'NOT SET' }], problem: { code: 'connection_not_configured' }, drift: null });
    expect(environments['down']).toMatchObject({ reachable: false, env_vars: [{ value: 'SET' }], problem: { code: 'health_check_failed', message: expect.stringContaining('Connection refused') as string } });
    expect(environments['hanging']).toMatchObject({ reachable: false, problem: { code: 'health_check_failed', message: expect.stringContaining('no answer within') as string } });
    expect(environments['elsewhere']).toMatchObject({ reachable: null, problem: { code: 'no_worker', suggestions: [expect.stringContaining('faber-db worker --task-queue nobody-') as string] } });
    expect(JSON.stringify(answer)).not.toContain('s3cret-pass');
  });

  it('tells what is wrong with one: edited, missing, failed, drifted, interrupted, each with what to do', async () => {
    const { messy: found } = (await statusOf('messy')).environments;
    expect(found).toMatchObject({
      migrations: { applied: { count: 3 }, edited: { count: 1, names: ['20260102000000_more'] }, missing: { count: 1, names: ['20251231000000_gone'] }, failed: { count: 1, names: ['20260103000000_next'] } },
      drift: {
        status: 'drifted',
        differences: [
          { object: 'constraint things_price_check on public.things', difference: 'not_in_database', sql: 'ALTER TABLE public.things DROP CONSTRAINT things_price_check;' },
          { object: 'index public.cheap', difference: 'not_in_migrations', sql: 'CREATE INDEX cheap ON public.things USING btree (price) WHERE (price < 10);' },
          { object: 'table public.by_hand', difference: 'not_in_migrations' },
        ],
      },
      interrupted: [{ operation_id: 'died-last-night', operation: 'migrate' }],
    });
    const next = found!.next.join('\n');
    for (const text of ['died-last-night', 'Failed: 20260103000000_next', 'Edited after they were applied: 20260102000000_more', 'Applied and not in the project: 20251231000000_gone', '3 difference(s)']) expect(next).toContain(text);
    expect(found!.drift!.notes.join('\n')).toMatch(/20260102000000_more was edited[\s\S]*20251231000000_gone is applied and not in the project/);
  });

  it('a role that may not create databases: drift is unknown, and how to allow it is said', async () => {
    await asAdmin(`ALTER ROLE ${messy.role.name} NOCREATEDB`);
    const { messy: found } = (await statusOf('messy')).environments;
    await asAdmin(`ALTER ROLE ${messy.role.name} CREATEDB`);
    expect(found).toMatchObject({ reachable: true, drift: { status: 'unknown', suggestions: [`As a superuser: ALTER ROLE "${messy.role.name}" CREATEDB`] } });
  });

  it('health-check names every finding with what to do about it, and goes on after a failing check', async () => {
    const health = async (environment: string) => ((await (await stack.start('health-check', { environment })).answer()) as unknown as { result: HealthReport }).result;
    const [dev, degraded, down, careful] = await Promise.all(['dev', 'messy', 'down', 'careful'].map(health));
    expect(dev!.status).toBe('healthy');
    expect(dev!.checks.map(({ name, category }) => [name, category])).toEqual([
      ['connectivity', 'connectivity'], ['latency', 'performance'], ['long_transactions', 'performance'], ['connections', 'performance'], ['disk', 'performance'],
      ['migrations', 'migrations'], ['schema', 'schema'],
    ]);
    expect(degraded).toMatchObject({ status: 'degraded', drift: { status: 'drifted' } });
    expect(degraded!.checks.filter(({ status }) => status === 'degraded').map(({ name }) => name)).toEqual(['migrations', 'schema']);
    // Three are pending, and more than two are too many.
    expect(careful!.checks.find(({ name }) => name === 'migrations')).toMatchObject({ status: 'degraded', value: 3, recommendation: 'Apply them: faber-db migrate careful' });
    expect(down).toMatchObject({ status: 'unhealthy' });
    const findings = [dev, degraded, down, careful].flatMap((report) => report!.checks).filter(({ status }) => status === 'degraded' || status === 'unhealthy');
    expect(findings.map(({ recommendation }) => recommendation)).toEqual(findings.map(() => expect.any(String) as string));
  });

  it('has exit codes: 0, 3 for the unreachable one that was named, 1 for configuration; health-check 0, 2, 3, 1', async () => {
    const codes = async (command: string, environments: (string | null)[]) =>
      Promise.all(environments.map(async (environment) => [environment, (await cli([command, ...(environment === null ? [] : [environment]), '--json', ...at])).code]));
    expect(await codes('status', [null, 'dev', 'down', 'unset', 'elsewhere', 'nowhere'])).toEqual([[null, 0], ['dev', 0], ['down', 3], ['unset', 1], ['elsewhere', 3], ['nowhere', 1]]);
    expect(await codes('health-check', ['dev', 'messy', 'down', 'unset', 'elsewhere', 'nowhere'])).toEqual([['dev', 0], ['messy', 2], ['down', 3], ['unset', 1], ['elsewhere', 3], ['nowhere', 1]]);
  });

  it('is a table in a terminal, with the SQL of the drift of the one that was named, and commands as we were started', async () => {
    const all = await cli(['status', '--no-drift', ...at], { invokedAs: 'npx faber-db' });
    expect(all.out).toMatch(/^ENVIRONMENT +REACHABLE +APPLIED +PENDING +PROBLEMS +DRIFT +LAST BACKUP +OPERATIONS +VARIABLES\nproduction \(protected\) +yes +2 +1 +none +- /);
    expect(all.out).toMatch(/^unset \(protected\) +NO +- .*NOT SET: NOT_SET_ANYWHERE$/m);
    expect(all.out).toContain('→ 1 pending: npx faber-db migrate dev');
    const one = await cli(['status', 'messy', ...at]);
    expect(one.out).toMatch(/^messy +yes +3 +0 +1 failed, 1 edited, 1 missing +3 differences +.* +1 interrupted +SET$/m);
    expect(one.out).toContain('  CREATE INDEX cheap ON public.things USING btree (price) WHERE (price < 10);');
  });

  it('a worker that is killed in the middle of a drift check leaves no scratch database', async () => {
    const scratches = () => asAdmin("SELECT datname FROM pg_database WHERE datname LIKE 'faber_db_scratch_%' AND pg_get_userbyid(datdba) = $1", [messy.role.name]);
    await barriers.arm('in-drift');
    const killed = await stack.start('status', { environment: 'messy' });
    await barriers.reached('in-drift');
    expect(await scratches()).toHaveLength(1);
    await stack.killWorker();
    // Nobody comes back for it: the next one is another operation.
    await killed.handle.terminate();
    await stack.startWorker();
    expect((await statusOf('messy')).environments['messy']).toMatchObject({ drift: { status: 'drifted' } });
    expect(await scratches()).toEqual([]);
  });

  it('in the middle of a change names it, and does not compare a schema that is between two states', async () => {
    await barriers.arm('before-applyMigrations');
    const change = await stack.start('migrate', { environment: 'dev' });
    await barriers.reached('before-applyMigrations');
    const { dev } = (await statusOf('dev')).environments;
    await barriers.open('before-applyMigrations');
    expect(dev).toMatchObject({
      changing: change.id, interrupted: [], running: [{ workflow_id: change.id, operation: 'migrate', phase: 'applying' }],
      drift: { status: 'unknown', reason: `migrate ${change.id} changes the database right now` },
    });
    expect(await change.answer()).toMatchObject({ status: 'success' });
    expect((await statusOf('dev')).environments['dev']).toMatchObject({ changing: null, drift: { status: 'none', migrations: 3 }, next: [] });
  });

  /** What happens to databases: done by hand, edited, lost, failed, interrupted. */
  async function makeMess(database: TestDatabase): Promise<void> {
    await database.query('CREATE TABLE by_hand (id serial PRIMARY KEY)');
    await database.query('CREATE INDEX cheap ON things (price) WHERE price < 10');
    await database.query('ALTER TABLE things DROP CONSTRAINT things_price_check');
    const row = (name: string, finished: string) => `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) VALUES (gen_random_uuid(), '${'0'.repeat(64)}', '${name}', ${finished}, 0)`;
    await database.query(row('20251231000000_gone', 'now()'));
    await database.query(row('20260103000000_next', 'NULL'));
    await database.query(`UPDATE _prisma_migrations SET checksum = '${'0'.repeat(64)}' WHERE migration_name = '20260102000000_more'`);
    await database.query("INSERT INTO faber_db.operations (operation_id, operation, environment, request_digest) VALUES ('died-last-night', 'migrate', 'messy', 'x')");
  }
});

it('a project without environments, or without a config, is told what is missing', async () => {
  const stack = await createStack();
  const ask = async () => (await stack.start('status', { environment: undefined })).answer();
  const config = join(stack.directory, '.fractary/plugins/faber-db/config.json');
  await writeFile(config, '{"environments": {}}');
  expect(await ask()).toMatchObject({ status: 'error', code: 'environment_not_configured', operation: 'status' });
  await writeFile(config, '{"environments": {"a": {"connection_string_env": "A"}, "b": {"connection_string_env": 5}}}');
  expect(await ask()).toMatchObject({ status: 'error', code: 'config_invalid', error: expect.stringContaining('environments.b.connection_string_env') as string });
  await rm(config);
  expect(await ask()).toMatchObject({ status: 'error', code: 'config_not_found' });
});
