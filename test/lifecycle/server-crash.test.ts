/** PostgreSQL is SIGKILLed with all its sessions in the middle of an operation, and comes back. */
import { describe, expect, it, type TestContext } from 'vitest';
import { postgresPrograms } from '../../src/dev/postgres-programs.js';
import { startPostgres } from '../../src/dev/postgres-server.js';
import { expectEnd, standAt, type Path } from '../faults/faults.js';
import { expectNothingLeft, expectState, type Release } from '../faults/scene.js';
import { createDatabase } from '../support/postgres.js';
import { sleep } from '../support/stack.js';

async function crashAt({ onTestFinished }: TestContext, release: Release, path: Path) {
  // What was acknowledged must survive the crash of the server, as it does in production.
  const server = await startPostgres(await postgresPrograms(console.error), { synchronous_commit: 'on' });
  onTestFinished(async () => { await server.stop(); });
  const standing = await standAt(release, path, { database: await createDatabase({ server }) });
  await server.crash();
  await standing.scene.barriers.open(standing.point);
  await sleep(1_500);
  await server.startAgain();
  return { standing, answer: await standing.operation.answer() };
}

describe.concurrent('the server dies in the middle of a change and comes back', () => {
  it.for<[Release, Path]>([
    ['applied', ['after-script']],
    ['applied', ['before-commit']],
    ['applied', ['after-commit']],
    ['undone by downs', ['revert-before-commit']],
  ])('%s: at %s, the operation goes on by itself', { timeout: 240_000 }, async ([release, path], context) => {
    const { standing, answer } = await crashAt(context, release, path);
    expect(answer.status).toBe(release === 'applied' ? 'success' : 'error');
    await expectEnd(standing, answer, 'crash of the server');
  });

  it('during the backup: nothing was changed', { timeout: 240_000 }, async (context) => {
    const { standing, answer } = await crashAt(context, 'applied', ['in-dump']);
    expect(answer).toMatchObject({ status: 'error', code: 'backup_failed' });
    await expectState(standing.scene, 'before');
    await expectNothingLeft(standing.scene, standing.operation);
  });
});
