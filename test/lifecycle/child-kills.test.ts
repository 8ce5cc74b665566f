/** The programs that a worker runs are SIGKILLed, as by a host that is out of memory. */
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { standAt } from '../faults/faults.js';
import { childrenOf, createScene, expectNothingLeft, expectState, type Scene } from '../faults/scene.js';
import { sleep } from '../support/stack.js';

async function killWhenItRuns(scene: Scene, program: string): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(50)) {
    const found = (await childrenOf(scene.stack.database.role.name)).filter((child) => child.program === program);
    if (found.length === 0) continue;
    for (const { pid } of found) process.kill(pid, 'SIGKILL');
    return;
  }
  throw new Error(`${program} did not run`);
}

describe.concurrent('a program killed under the worker', () => {
  it('pg_dump: the backup failed, nothing was changed', { timeout: 240_000 }, async () => {
    const { scene, operation, point } = await standAt('applied', ['after-beginChange']);
    const application = new pg.Client({ connectionString: scene.stack.database.url });
    application.on('error', () => {});
    await application.connect();
    // pg_dump waits for this lock.
    await application.query('BEGIN; LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE');
    await scene.barriers.open(point);
    await killWhenItRuns(scene, 'pg_dump');
    const answer = await operation.answer();
    await application.end();
    expect(answer).toMatchObject({ status: 'error', code: 'backup_failed' });
    await expectState(scene, 'before');
    await expectNothingLeft(scene, operation);
  });

  it('pg_restore in a proof: the backup is not proven, nothing was changed', { timeout: 240_000 }, async () => {
    // Loading the row takes three seconds.
    const scene = await createScene('applied', {}, `
      CREATE FUNCTION slow(n int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(n); RETURN true; END';
      CREATE TABLE slow_table (n int CHECK (slow(n)));
      INSERT INTO slow_table VALUES (3);`);
    const operation = await scene.stack.start('migrate');
    await operation.approve();
    await killWhenItRuns(scene, 'pg_restore');
    expect(await operation.answer()).toMatchObject({ status: 'error', code: expect.stringMatching(/^backup_(failed|unusable)$/) });
    await expectState(scene, 'before');
    await expectNothingLeft(scene, operation);
  });
});
