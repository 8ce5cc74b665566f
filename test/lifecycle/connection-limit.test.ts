/** A restore of a database in which the application has taken every place, or that lets nobody in: it ends, and says why where it can't be done. */
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SuccessResponse } from '../../src/contract/index.js';
import { asAdmin } from '../support/postgres.js';
import { sleep, type Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const NAMES = ['full', 'narrow', 'shut'] as const;

describe('a restore at the connection limit', () => {
  let stacks: Record<(typeof NAMES)[number], Stack>;
  const backups = new Map<Stack, string>();
  beforeAll(async () => {
    stacks = await createStacks(Object.fromEntries(NAMES.map((name) => [name, { backup: { verify: 'checked' } }])) as Record<(typeof NAMES)[number], object>);
    await Promise.all(Object.values(stacks).map(async (stack) => {
      await stack.migration('20260101000000_init', "CREATE TABLE t AS SELECT 'old' AS state;");
      const operation = await stack.start('migrate');
      await operation.approve();
      expect(await operation.answer()).toMatchObject({ status: 'success' });
      backups.set(stack, ((await (await stack.start('backup')).answer()) as SuccessResponse).result['backup_id'] as string);
      await stack.database.query("UPDATE t SET state = 'new'");
    }));
  });

  it.concurrent('is done while an application holds every place and takes each that comes free', { timeout: 300_000 }, async () => {
    const stack = stacks.full;
    const earlier = await operationsOf(stack);
    await limit(stack, 3);
    const application = hungry(stack.database.url, 6);
    await application.holds(3);
    const answer = await restore(stack);
    expect(answer).toMatchObject({ status: 'success', result: { restored: backups.get(stack) } });
    // It came back by itself, to the restored database.
    await application.holds(3);
    await application.stop();
    expect(await stack.database.query('SELECT state FROM t')).toEqual([{ state: 'old' }]);
    // What was done before is still remembered, and this operation too.
    expect((await operationsOf(stack)).slice(0, earlier.length)).toEqual(earlier);
    expect(await stack.database.query("SELECT operation, ended_at IS NOT NULL AS ended FROM faber_db.operations WHERE operation = 'restore'")).toEqual([{ operation: 'restore', ended: true }]);
    expect(await limitOf(stack)).toBe(3);
  });

  it.concurrent('is done in a database with a single place', { timeout: 300_000 }, async () => {
    const stack = stacks.narrow;
    await limit(stack, 1);
    expect(await restore(stack)).toMatchObject({ status: 'success' });
    expect(await stack.database.query('SELECT state FROM t')).toEqual([{ state: 'old' }]);
    expect(await limitOf(stack)).toBe(1);
  });

  it.concurrent('is refused when the plan is made where the limit is 0, with the command that helps', { timeout: 300_000 }, async () => {
    const stack = stacks.shut;
    await limit(stack, 0);
    const operation = await stack.start('restore', { backup_id: backups.get(stack)! });
    expect(await operation.answer()).toMatchObject({
      status: 'error', code: 'restore_failed', error: expect.stringContaining('nothing was changed') as string,
      recovery: { suggestions: [expect.stringContaining(`ALTER DATABASE ${stack.database.name} CONNECTION LIMIT -1`)] },
    });
    await limit(stack, -1);
    expect(await stack.database.query('SELECT state FROM t')).toEqual([{ state: 'new' }]);
  });

  async function restore(stack: Stack) {
    const operation = await stack.start('restore', { backup_id: backups.get(stack)! });
    await operation.approve();
    return operation.answer();
  }
});

const limit = (stack: Stack, places: number) => asAdmin(`ALTER DATABASE ${pg.escapeIdentifier(stack.database.name)} CONNECTION LIMIT ${places}`);

async function limitOf(stack: Stack): Promise<unknown> {
  return (await asAdmin('SELECT datconnlimit AS places FROM pg_database WHERE datname = $1', [stack.database.name]))[0]!['places'];
}

const operationsOf = (stack: Stack) => stack.database.query('SELECT operation_id, begun_at::text, ended_at::text FROM faber_db.operations ORDER BY begun_at');

/** An application whose pool wants more sessions than the database has places: it asks again and again. */
function hungry(url: string, wants: number) {
  let running = true;
  let held = 0;
  const loops = Array.from({ length: wants }, async () => {
    while (running) {
      const client = new pg.Client({ connectionString: url, application_name: 'shop' });
      client.on('error', () => {});
      let counted = false;
      try {
        await client.connect();
        held += 1;
        counted = true;
        for (; running; await sleep(50)) await client.query('SELECT 1');
      } catch {
        await sleep(10);
      }
      if (counted) held -= 1;
      await client.end().catch(() => {});
    }
  });
  return {
    async holds(places: number) {
      while (held < places) await sleep(20);
    },
    async stop() {
      running = false;
      await Promise.all(loops);
    },
  };
}
