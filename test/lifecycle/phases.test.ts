/** The phases of a pipeline, from one call each: what they run, in which order, and what ends them. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FaberClient } from '../../src/client/index.js';
import type { ErrorResponse, PhaseResult } from '../../src/contract/index.js';
import { answerIn, cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { script } from '../support/plugin.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';
import { temporal } from '../support/temporal.js';

const SCHEMA = 'datasource db {\n  provider = "postgresql"\n}\nmodel t {\n  id Int @id\n}\n';

describe('a phase', () => {
  let stacks: Record<'shop' | 'dev' | 'staging' | 'asked', Stack>;
  let client: FaberClient;

  beforeAll(async () => {
    stacks = await createStacks({
      shop: {
        environments: {
          dev: { connection_string_env: 'URL_OF_DEV' },
          staging: { connection_string_env: 'URL_OF_STAGING' },
          asking: { connection_string_env: 'URL_OF_ASKED', protected: false, require_approval: true, auto_migrate: true },
        },
        backup: { verify: 'checked' },
        safety: { max_auto_rollback_attempts: 0 },
        phases: { evaluate: { test_command: 'sh ops/test.sh', integrity_checks: ['ops/negative.sql'] }, release: { watch_seconds: 2, watch_interval_seconds: 1 } },
      },
      dev: {}, staging: {}, asked: {},
    });
    const { shop } = stacks;
    await writeFile(join(shop.directory, 'prisma', 'schema.prisma'), SCHEMA);
    await mkdir(join(shop.directory, 'ops'));
    await script(`env > ops/seen; echo "password 'hunter2'"; test ! -e ops/fail`, join(shop.directory, 'ops'), 'test.sh');
    await writeFile(join(shop.directory, 'ops', 'negative.sql'), 'SELECT * FROM t WHERE id < 0;\n');
    const { address, namespace } = await temporal();
    client = await FaberClient.connect({ address, namespace, taskQueue: shop.taskQueue });
    return () => client.close();
  });

  const run = async (operation: 'build' | 'evaluate' | 'release', parameters: Record<string, unknown> = {}) => {
    const { environment, ...rest } = parameters;
    return stacks.shop.start(operation, { environment: environment ?? { build: 'dev', evaluate: 'staging', release: 'production' }[operation], ...rest });
  };
  const steps = (answer: unknown) => ((answer as { result: PhaseResult }).result.steps).map(({ step, status }) => `${step}: ${status}`);
  const tables = (stack: Stack) => stack.database.query<{ name: string }>(`SELECT relname AS name FROM pg_class WHERE relname IN ('t', 'u') AND relkind = 'r' ORDER BY 1`).then((rows) => rows.map((r) => r.name));

  it('build, evaluate and release take a change from the schema to production', async () => {
    const { shop, dev, staging } = stacks;
    const built = await (await run('build', { name: 'first' })).answer();
    expect(built).toMatchObject({ status: 'success', operation: 'build', environment: 'dev' });
    expect(steps(built)).toEqual(['generate: done', 'validate: done', 'apply: done']);
    expect((built as unknown as { result: PhaseResult }).result.steps[1]!.message).toBe('1 pending went up, 1 of them down and up again');
    expect(await tables(dev)).toEqual(['t']);

    const evaluated = await (await run('evaluate')).answer();
    expect(evaluated).toMatchObject({ status: 'success', operation: 'evaluate' });
    expect(steps(evaluated)).toEqual(['migrate: done', 'tests: done', 'integrity: done']);
    const seen = await readFile(join(shop.directory, 'ops', 'seen'), 'utf8');
    expect(seen).toContain(`URL_OF_STAGING=${staging.database.url}`);
    expect(seen).toContain(`DATABASE_URL=${staging.database.url}`);
    expect(seen).not.toContain('URL_OF_DEV=');

    // Decided by the id of the phase: its client finds the operation that waits.
    const release = await run('release');
    const waiting = await (async () => {
      for await (const state of client.watch(release.id)) if (state.phase === 'waiting_for_approval') return state;
      throw new Error('it ended');
    })();
    expect(waiting.plan!.parameters).toEqual({ watch_seconds: 2 });
    await client.approve(release.id, { plan: waiting.plan!.plan_hash, by: 'ana@example.com' });
    const released = await release.answer();
    expect(released).toMatchObject({ status: 'success', operation: 'release', environment: 'production', message: 'Released to production' });
    expect(steps(released)).toEqual(['migrate: done']);
    expect(await tables(shop)).toEqual(['t']);
    expect(await readFile(join(shop.store, 'audit', 'audit.jsonl'), 'utf8')).toContain(release.id);

    // A person's refusal cancels the phase.
    await shop.migration('20990101000000_u', 'CREATE TABLE u (id int);');
    const refused = await run('release');
    const asked = await (async () => {
      for await (const state of client.watch(refused.id)) if (state.phase === 'waiting_for_approval') return state;
      throw new Error('it ended');
    })();
    await client.reject(refused.id, { plan: asked.plan!.plan_hash, by: 'ben@example.com', comment: 'not today' });
    expect(await refused.answer()).toMatchObject({ status: 'cancelled', operation: 'release', code: 'rejected', message: 'release: Rejected by ben@example.com: not today' });
    expect(await tables(shop)).toEqual(['t']);
    // One that is cancelled in the middle of a step is recorded too.
    const cancelled = await run('release');
    await eventually(async () => cancelled.state().catch(() => null), (state) => state?.step_workflow_id !== undefined);
    await cancelled.handle.cancel();
    expect(await cancelled.answer()).toMatchObject({ status: 'cancelled', operation: 'release' });
    const audit = (await readFile(join(shop.store, 'audit', 'audit.jsonl'), 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as { operation_id: string; status: string });
    expect(audit.filter((line) => line.operation_id === cancelled.id)).toMatchObject([{ status: 'cancelled' }]);

    // Tests delete what they like, and nobody approves that.
    expect(await (await run('evaluate', { environment: 'production' })).answer()).toMatchObject({ status: 'error', code: 'environment_protected' });
    expect(await tables(shop)).toEqual(['t']);

    // The command; a second time with the same id it gives the answer that it gave.
    const { address } = await temporal();
    const nothing = await cli(['phase', 'build', '--json', '--workflow-id', 'build-again', '--working-directory', shop.directory], { env: { TEMPORAL_ADDRESS: address, FABER_DB_TASK_QUEUE: shop.taskQueue } });
    expect([nothing.code, answerIn(nothing)]).toMatchObject([0, { status: 'success', operation: 'build', environment: 'dev' }]);
    const again = await cli(['phase', 'build', '--json', '--workflow-id', 'build-again', '--working-directory', shop.directory], { env: { TEMPORAL_ADDRESS: address, FABER_DB_TASK_QUEUE: shop.taskQueue } });
    expect(again.out).toBe(nothing.out);

  });

  it('ends where one of its steps fails, and says which and what became of the database', async () => {
    const { shop, staging, dev } = stacks;
    await staging.database.query('INSERT INTO t VALUES (-1), (-2)');
    const integrity = (await (await run('evaluate')).answer()) as ErrorResponse;
    expect(integrity).toMatchObject({ status: 'error', operation: 'evaluate', code: 'phase_failed', error: 'evaluate: integrity failed: 1 of 1 checks of the data failed: ops/negative.sql finds 2 rows. staging stays migrated' });
    expect(steps(integrity)).toEqual(['migrate: done', 'tests: done', 'integrity: failed']);

    await writeFile(join(shop.directory, 'ops', 'negative.sql'), 'WITH gone AS (DELETE FROM t RETURNING 1) SELECT * FROM gone');
    expect(await (await run('evaluate')).answer()).toMatchObject({ code: 'phase_failed', error: expect.stringContaining('ops/negative.sql: it cannot run (') as string });
    await writeFile(join(shop.directory, 'ops', 'negative.sql'), 'SELECT 1) AS a LIMIT 1) AS b; DELETE FROM t; --');
    expect(await (await run('evaluate')).answer()).toMatchObject({ code: 'phase_failed', error: expect.stringContaining('it cannot run (') as string });
    expect(await staging.database.query('SELECT id FROM t ORDER BY 1')).toEqual([{ id: -2 }, { id: -1 }]);

    await writeFile(join(shop.directory, 'ops', 'fail'), '');
    const tests = (await (await run('evaluate')).answer()) as ErrorResponse;
    expect(tests).toMatchObject({ code: 'phase_failed', error: expect.stringContaining('evaluate: tests failed: The tests failed (sh ops/test.sh): it exited with code 1') as string });
    expect(JSON.stringify(tests)).not.toContain('hunter2');
    expect(await readFile(String(tests.result!['output_path']), 'utf8')).toContain('hunter2');

    // A failure that waits for a person answers at once with exit code 5, and is decided by the id of the phase.
    await rm(join(shop.directory, 'ops', 'fail'));
    await shop.migration('20990102000000_b', 'ALTER TABLE t ADD COLUMN b int;');
    await shop.migration('20990103000000_bad', 'ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0);');
    const env = { FABER_DB_TASK_QUEUE: shop.taskQueue };
    const stopped = await cli(['phase', 'evaluate', '--json', '--workflow-id', 'evaluate-stops', '--working-directory', shop.directory], { env });
    expect([stopped.code, answerIn(stopped)]).toMatchObject([5, { status: 'error', code: 'migration_failed', waiting_for: expect.arrayContaining(['retry', 'accept']) as string[] }]);
    await staging.database.query('DELETE FROM t');
    expect((await cli(['decide', 'evaluate-stops', 'retry', '--by', 'ana'], { env })).code).toBe(0);
    await writeFile(join(shop.directory, 'ops', 'negative.sql'), '-- none may be below 0\nSELECT * FROM t WHERE id < 0;\n');
    const retried = await cli(['phase', 'evaluate', '--json', '--workflow-id', 'evaluate-stops', '--working-directory', shop.directory], { env });
    expect([retried.code, answerIn(retried)]).toMatchObject([0, { status: 'success', operation: 'evaluate' }]);

    // A cancel reaches the operation that runs, and is answered with what became of it.
    const cancelled = await run('release');
    for await (const state of client.watch(cancelled.id)) if (state.phase === 'waiting_for_approval') break;
    await client.cancel(cancelled.id);
    expect(await cancelled.answer()).toMatchObject({ status: 'cancelled', operation: 'release', code: 'cancelled', message: 'release: Cancelled before any change' });

    // What does not go down and up again never reaches dev.
    await shop.migration('20990104000000_c', 'ALTER TABLE u ADD COLUMN c int;', 'ALTER TABLE u ADD COLUMN d int;');
    const before = await tables(dev);
    const invalid = (await (await run('build')).answer()) as ErrorResponse;
    expect(invalid).toMatchObject({ code: 'phase_failed', error: expect.stringMatching(/^build: validate failed: .*20990104000000_c\/down\.sql does not bring back .*column/) as string });
    expect(await tables(dev)).toEqual(before);
    await shop.migration('20990104000000_c', 'ALTER TABLE u ADD COLUMN c int;', 'ALTER TABLE u DROP COLUMN c;');

    // What the config lets the build phase do unasked, and nothing else.
    const asked = await run('build', { environment: 'asking' });
    expect(await asked.answer()).toMatchObject({ status: 'success', environment: 'asking' });
    const single = await shop.start('rollback', { environment: 'asking' });
    await single.until((s) => s.phase === 'waiting_for_approval');
    await single.handle.cancel();
    await single.answer();
  });
});
