import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import type { SuccessResponse } from '../src/contract/index.js';
import type { PostgresTarget } from '../src/handlers/database/postgresql/connection-url.js';
import { databaseHandlers } from '../src/handlers/database/index.js';
import { startPostgres } from '../src/dev/postgres-server.js';
import { createDatabase, postgres } from '../test/support/postgres.js';
import { migrateDeploy, migrateStatus, writeProject } from '../test/support/prisma-cli.js';
import { createStack, type Operation, type Stack, type StackOptions } from '../test/support/stack.js';
import { createStacks } from '../test/support/stacks.js';
import { tempDir } from '../test/support/temp.js';
import { report, sideBySide } from './measure.js';

const INIT = `CREATE TABLE orders (id serial PRIMARY KEY, note text NOT NULL);
INSERT INTO orders (note) SELECT md5(n::text) FROM generate_series(1, 50000) n;`;
const ONE = 'ALTER TABLE orders ADD COLUMN paid boolean NOT NULL DEFAULT false;';
const PAIRS = 5;

/** The events of the operation and of its change. */
async function events(stack: Stack, operation: Operation): Promise<number> {
  const own = (await operation.handle.fetchHistory()).events ?? [];
  const child = own.find((e) => e.childWorkflowExecutionStartedEventAttributes)?.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId;
  const change = child ? ((await stack.client.workflow.getHandle(child).fetchHistory()).events ?? []) : [];
  return own.length + change.length;
}

async function approvedMigrate(stack: Stack): Promise<{ operation: Operation; answer: SuccessResponse }> {
  // As a pipeline that has its approval already: the hash comes from the preview, the signal is there before the plan is.
  const operation = await stack.start('migrate');
  await operation.handle.signal('approve', { plan: planHash, by: 'ana@example.com' });
  return { operation, answer: (await operation.answer()) as SuccessResponse };
}
let planHash = '';

it('a guarded migrate with its approval sent, against the same by hand', async () => {
  const { binDir } = await postgres();
  const levels = new Set<unknown>();
  const counts: number[] = [];
  const pair = await sideBySide(
    PAIRS,
    async () => {
      const stack = await createStack();
      await stack.database.query(INIT);
      await stack.migration('20260101_init', INIT);
      await baseline(stack);
      await stack.migration('20260102_paid', ONE, 'ALTER TABLE orders DROP COLUMN paid;');
      planHash = ((await (await stack.start('migrate-preview')).answer()) as SuccessResponse).result['plan_hash'] as string;
      return async () => {
        const { operation, answer } = await approvedMigrate(stack);
        expect(answer).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });
        levels.add(answer.result['backup_level']);
        counts.push(await events(stack, operation));
        return stack;
      };
    },
    async () => {
      const database = await createDatabase();
      const folder = await tempDir();
      await writeProject(folder, { '20260101_init': { up: INIT } });
      expect((await migrateDeploy(folder, database.url)).exitCode).toBe(0);
      await writeProject(folder, { '20260101_init': { up: INIT }, '20260102_paid': { up: ONE } });
      const target = databaseHandlers('postgresql').target(database.url) as PostgresTarget;
      return async () => {
        await migrateStatus(folder, database.url);
        await execa(join(binDir, 'pg_dump'), ['-Fc', '-f', join(folder, 'before.dump')], { env: target.environment() });
        expect((await migrateDeploy(folder, database.url)).exitCode).toBe(0);
        expect((await migrateStatus(folder, database.url)).exitCode).toBe(0);
      };
    },
  );
  report(`guarded migrate (backup ${[...levels].join()}) ${pair.a.toFixed(2)} s; by hand (status, pg_dump -Fc, deploy, status) ${pair.b.toFixed(2)} s; ratio ${pair.ratio.toFixed(2)}`);
  report(`history events of a migrate of one migration, operation and change: ${Math.max(...counts)}`);
});

async function baseline(stack: Stack): Promise<void> {
  const operation = await stack.start('migrate', { baseline: '20260101_init' });
  await operation.approve();
  expect(await operation.answer()).toMatchObject({ status: 'success' });
}

it('400 pending migrations, against one psql over the same files', async () => {
  const { binDir } = await postgres();
  // Durable, as where it counts: without waiting for the disk psql's side would be a race of protocol messages.
  const server = await startPostgres(binDir, { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' });
  const scripts = Array.from({ length: 400 }, (_, n) => ({
    name: `2026${String(n).padStart(4, '0')}_step`,
    up: n % 4 === 0 ? `CREATE TABLE t${n} (id serial PRIMARY KEY, a int, b text);` : `ALTER TABLE t${n - (n % 4)} ADD COLUMN c${n} text;\nCREATE INDEX i${n} ON t${n - (n % 4)} (c${n});`,
  }));
  let largest = 0;
  // One worker for all rounds, as workers live for days. The first round, in which its code is still being compiled, is told apart.
  const rounds = ['new', 'first', 'second', 'third'] as const;
  const databases = await Promise.all(rounds.map(() => createDatabase({ server })));
  const stacks = await createStacks(Object.fromEntries(rounds.map((round, at) => [round, { database: databases[at]! }])) as Record<(typeof rounds)[number], StackOptions>);
  const pair = await sideBySide(
    rounds.length,
    async (round) => {
      const stack = stacks[rounds[round]!];
      for (const { name, up } of scripts) await stack.migration(name, up);
      const operation = await stack.start('migrate');
      await operation.until((s) => s.phase === 'waiting_for_approval', 60);
      return async () => {
        await operation.approve();
        const answer = (await operation.answer()) as SuccessResponse;
        expect(answer).toMatchObject({ status: 'success', result: { migrations_applied: 400 } });
        largest = Math.max(largest, await events(stack, operation));
        applied.push(await applySeconds(stack, operation));
      };
    },
    async () => {
      const database = await createDatabase({ server });
      const folder = await tempDir();
      await writeProject(folder, Object.fromEntries(scripts.map(({ name, up }) => [name, { up }])));
      const target = databaseHandlers('postgresql').target(database.url) as PostgresTarget;
      const files = scripts.flatMap(({ name }) => ['-f', join(folder, 'prisma', 'migrations', name, 'migration.sql')]);
      return async () => {
        const started = performance.now();
        await execa(join(binDir, 'psql'), ['-q', '-v', 'ON_ERROR_STOP=1', ...files], { env: target.environment() });
        psql.push((performance.now() - started) / 1000);
      };
    },
  );
  const ratios = applied.map((a, i) => a / psql[i]!);
  report(`apply step of 400 migrations ${mid(applied.slice(1)).toFixed(2)} s; one psql over the same files ${mid(psql.slice(1)).toFixed(2)} s; ratio ${mid(ratios.slice(1)).toFixed(2)} (whole operation ${pair.a.toFixed(2)} s)`);
  report(`the same as the first work of a new worker: ratio ${ratios[0]!.toFixed(2)}`);
  report(`history events of a migrate of 400 migrations: ${largest}`);
  await server.stop();
});

const applied: number[] = [];
const psql: number[] = [];
const mid = (values: number[]): number => values.toSorted((x, y) => x - y)[Math.floor(values.length / 2)]!;

/** The activity's own time, as Temporal's history has it. */
async function applySeconds(stack: Stack, operation: Operation): Promise<number> {
  const own = (await operation.handle.fetchHistory()).events ?? [];
  const child = own.find((e) => e.childWorkflowExecutionStartedEventAttributes)!.childWorkflowExecutionStartedEventAttributes!.workflowExecution!.workflowId!;
  const change = (await stack.client.workflow.getHandle(child).fetchHistory()).events ?? [];
  const scheduled = change.find((e) => e.activityTaskScheduledEventAttributes?.activityType?.name === 'applyMigrations')!;
  const started = change.find((e) => e.activityTaskStartedEventAttributes?.scheduledEventId?.toString() === scheduled.eventId!.toString())!;
  const completed = change.find((e) => e.activityTaskCompletedEventAttributes?.scheduledEventId?.toString() === scheduled.eventId!.toString())!;
  const at = (event: typeof started) => Number(event.eventTime!.seconds) + (event.eventTime!.nanos ?? 0) / 1e9;
  return at(completed) - at(started);
}
