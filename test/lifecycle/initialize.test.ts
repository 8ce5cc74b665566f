/** `initialize-database`: server, database, migrations and marker are there afterwards; what is there already is left alone. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse, SuccessResponse } from '../../src/contract/index.js';
import { asAdmin } from '../support/postgres.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const INIT = '20260101000000_init';

describe('initialize-database', () => {
  let stacks: Record<'missing' | 'unmarked' | 'cloud' | 'remote', Stack>;
  beforeAll(async () => {
    const hosted = { environment: { hosting: 'aws-rds', region: 'eu-central-1' } };
    stacks = await createStacks({
      missing: {}, unmarked: {},
      cloud: { ...hosted, integration: { cloud_plugin: './cloud.sh', cloud_timeout_seconds: 30 } },
      remote: { ...hosted, environments: { nowhere: { connection_string_env: 'URL_OF_NOWHERE', hosting: 'aws-rds' } } },
    }, { URL_OF_NOWHERE: 'postgresql://nobody:unused-pass@127.0.0.1:1/nowhere' });
    await Promise.all(Object.values(stacks).map((stack) => stack.migration(INIT, 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);', 'DROP TABLE t;')));
  });

  it.concurrent('creates a missing database with everything in it, and then finds it there', async () => {
    const stack = stacks.missing;
    await stack.database.drop();
    const role = pg.escapeIdentifier(stack.database.role.name);
    await asAdmin(`ALTER ROLE ${role} NOCREATEDB`);
    const refused = (await (await stack.start('initialize-database')).answer()) as ErrorResponse;
    expect(refused).toMatchObject({ status: 'error', code: 'plan_failed', error: expect.stringContaining('may not create databases (CREATEDB); nothing was changed') as string });
    expect(refused.recovery.suggestions).toEqual(expect.arrayContaining([`As a superuser: ALTER ROLE ${role} CREATEDB`]));
    // What it printed does it.
    await asAdmin(refused.recovery.suggestions[0]!.replace('As a superuser: ', ''));
    expect(await (await stack.start('initialize-database', { database_name: 'another' })).answer()).toMatchObject({ status: 'error', code: 'invalid_request' });

    const made = (await (await stack.start('initialize-database', { database_name: stack.database.name })).answer()) as SuccessResponse;
    expect(made).toMatchObject({
      status: 'success', operation: 'initialize-database',
      result: { database: stack.database.name, created: true, migrations_applied: 1, applied: [INIT], pending: 0, health_check: 'passed' },
    });
    expect(await stack.database.query('SELECT environment FROM faber_db.marker')).toEqual([{ environment: 'production' }]);
    expect(await (await stack.start('initialize-database')).answer()).toMatchObject({
      status: 'success', result: { created: false, migrations_applied: 0, pending: 0 }, message: expect.stringContaining('with all migrations applied; nothing was changed') as string,
    });
    await stack.migration('20260102000000_more', 'CREATE TABLE u (id int);');
    expect(await (await stack.start('initialize-database')).answer()).toMatchObject({
      status: 'success', result: { created: false, migrations_applied: 0, pending: 1 }, message: expect.stringContaining('1 migration pending: faber-db migrate production') as string,
    });
    expect(await (await stack.start('initialize-database', { environment: 'dev' })).answer()).toMatchObject({ status: 'error', code: 'target_mismatch' });
  });

  it.concurrent('refuses a database with data that nothing says is this one, until it is named and approved', async () => {
    const stack = stacks.unmarked;
    expect(await (await stack.start('initialize-database', { environment: 'dev' })).answer()).toMatchObject({ status: 'success', result: { created: false, migrations_applied: 1 } });
    await stack.database.query('DELETE FROM faber_db.marker');
    const refused = (await (await stack.start('initialize-database')).answer()) as ErrorResponse;
    expect(refused).toMatchObject({ status: 'error', code: 'target_mismatch' });
    expect(refused.recovery.suggestions[1]).toContain('faber-db initialize-database production --adopt postgresql:');
    const adopting = await stack.start('initialize-database', { adopt: refused.result!['identity'] });
    await adopting.approve();
    expect(await adopting.answer()).toMatchObject({ status: 'success', result: { created: false, migrations_applied: 0 }, message: expect.stringContaining('is marked as such now') as string });
    expect(await stack.database.query('SELECT environment FROM faber_db.marker')).toEqual([{ environment: 'production' }]);
  });

  it.concurrent('waits for the server that the cloud plugin provides, and tells what it says', async () => {
    const stack = stacks.cloud;
    await stack.database.drop();
    await plugin(stack, '{"status": "pending", "message": "the instance is being created", "retry_after_seconds": 2}');
    const cancelled = await stack.start('initialize-database');
    expect((await cancelled.until((s) => s.phase === 'waiting_for_infrastructure')).progress.at(-1)!.message).toBe('Waiting for the server: the instance is being created');
    await cancelled.handle.cancel();
    expect(await cancelled.answer()).toMatchObject({ status: 'cancelled', code: 'cancelled', message: 'Cancelled before any change' });

    const operation = await stack.start('initialize-database');
    await operation.until((s) => s.phase === 'waiting_for_infrastructure');
    expect(JSON.parse(await readFile(join(stack.directory, 'asked.json'), 'utf8'))).toEqual({
      action: 'ensure-database', operation_id: operation.id, environment: 'production', hosting: 'aws-rds', region: 'eu-central-1', database_name: null, working_directory: stack.directory,
    });
    await plugin(stack, '{"status": "ready"}');
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { created: true, migrations_applied: 1 } });

    await plugin(stack, '{"status": "failed", "message": "no quota"}');
    expect(await (await stack.start('initialize-database')).answer()).toMatchObject({ status: 'error', code: 'plugin_failed', error: expect.stringContaining('no quota; nothing was changed') as string });
    await plugin(stack, '{"status": "pending", "retry_after_seconds": 3600}');
    expect(await (await stack.start('initialize-database')).answer()).toMatchObject({ status: 'error', code: 'plugin_failed', error: expect.stringContaining('not ready after 30 s') as string });
  });

  it.concurrent('of a hosted database goes on where the server is there, and says what to set where it is not', async () => {
    const stack = stacks.remote;
    expect(await (await stack.start('initialize-database')).answer()).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });
    const answer = (await (await stack.start('initialize-database', { environment: 'nowhere' })).answer()) as ErrorResponse;
    expect(answer).toMatchObject({ status: 'error', code: 'health_check_failed' });
    expect(answer.recovery.suggestions.at(-1)).toContain('set integration.cloud_plugin');
  });
});

/** Keeps what it is asked, and answers so. */
async function plugin(stack: Stack, answer: string): Promise<void> {
  const file = join(stack.directory, 'cloud.sh');
  await writeFile(file, `#!/bin/sh\ncat > asked.json\necho '${answer}'\n`);
  await chmod(file, 0o755);
}
