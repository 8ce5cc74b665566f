/** No automatic path loses a row that the application was told is saved. An application writes during the whole of a failing run. */
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { ErrorResponse, Response } from '../../src/contract/index.js';
import { createScene, expectNothingLeft, type Release, type Scene } from '../faults/scene.js';
import { Writer } from '../faults/writer.js';
import type { TestDatabase } from '../support/postgres.js';
import { sleep, type Operation, type StackOptions } from '../support/stack.js';

async function failWhileWritten(release: Release, options: StackOptions, end: (operation: Operation) => Promise<Response>) {
  const scene = await createScene(release, options);
  const writer = new Writer(scene.stack.database.url);
  await sleep(500);
  const operation = await scene.stack.start('migrate');
  await operation.approve();
  const answer = await end(operation);
  await sleep(500);
  const acknowledged = await writer.stop();
  const after = writer.acknowledged.filter(({ at }) => at > Date.now() - 1_000);
  // It was let on again.
  expect(after.length).toBeGreaterThan(0);
  return { scene, operation, answer: answer as ErrorResponse, acknowledged, writer };
}

async function lost(database: Pick<TestDatabase, 'query'>, acknowledged: readonly number[]): Promise<number[]> {
  const there = new Set((await database.query<{ id: number }>('SELECT id FROM orders')).map(({ id }) => id));
  return acknowledged.filter((id) => !there.has(id));
}

const answered = (operation: Operation) => operation.answer();

async function expectUndone(scene: Scene, answer: ErrorResponse, rollback: Record<string, unknown>): Promise<void> {
  expect(answer).toMatchObject({ status: 'error', code: 'migration_failed', result: { rollback } });
  expect(await scene.stack.database.query("SELECT tablename FROM pg_tables WHERE tablename IN ('credits', 'notes')")).toEqual([]);
}

describe.concurrent('a writer during a failing run loses no acknowledged row', () => {
  it('where the transaction undid it', { timeout: 240_000 }, async () => {
    const { scene, operation, answer, acknowledged } = await failWhileWritten('nothing applied', {}, answered);
    await expectUndone(scene, answer, { status: 'nothing_to_undo', by: 'transaction', verified: true });
    expect(await lost(scene.stack.database, acknowledged)).toEqual([]);
    await expectNothingLeft(scene, operation);
  });

  it('where down scripts undid it', { timeout: 240_000 }, async () => {
    const { scene, operation, answer, acknowledged } = await failWhileWritten('undone by downs', {}, answered);
    await expectUndone(scene, answer, { status: 'undone', by: 'down', verified: true });
    expect(await lost(scene.stack.database, acknowledged)).toEqual([]);
    await expectNothingLeft(scene, operation);
  });

  it('where writes were held off and the backup was restored', { timeout: 240_000 }, async () => {
    const { scene, operation, answer, acknowledged } = await failWhileWritten('undone by restore', { safety: { on_failure: 'ladder', hold_writes: true } }, answered);
    await expectUndone(scene, answer, { status: 'undone', by: 'restore', verified: true });
    expect(await lost(scene.stack.database, acknowledged)).toEqual([]);
    await expectNothingLeft(scene, operation);
  });

  it('where nothing could be undone by itself: it stops, and a person decides', { timeout: 240_000 }, async () => {
    const { scene, operation, answer, acknowledged } = await failWhileWritten('stopped', {}, async (running) => {
      const stopped = await running.until((state) => state.phase === 'waiting_for_decision', 180);
      expect(stopped.answer).toMatchObject({ result: { rollback: { status: 'stopped' } }, waiting_for: ['retry', 'restore', 'accept'] });
      await running.handle.signal('resolve', { choice: 'accept', by: 'ana@example.com' });
      return running.answer();
    });
    expect(answer).toMatchObject({ status: 'error', code: 'migration_failed', result: { rollback: { status: 'stopped', by: 'person' } } });
    expect(await lost(scene.stack.database, acknowledged)).toEqual([]);
    await expectNothingLeft(scene, operation);
  });

  it('and where the approved plan accepted the loss, it is what was written since the backup began, and the replaced database still has it', { timeout: 240_000 }, async () => {
    let losses: string[] = [];
    const { scene, answer, acknowledged, writer } = await failWhileWritten('undone by restore', {}, async (running) => {
      losses = (await running.state()).plan!.evidence.losses;
      return running.answer();
    });
    await expectUndone(scene, answer, { status: 'undone', by: 'restore', verified: true });
    expect(losses.join('\n')).toContain('loses all');
    const { database } = scene.stack;
    const missing = await lost(database, acknowledged);
    const [kept] = await database.asAdmin("SELECT datname FROM pg_database WHERE datname LIKE $1 || '_replaced_%'", [database.name]);
    const replaced = new URL(database.url);
    replaced.pathname = `/${String(kept!['datname'])}`;
    const rows = await idsIn(replaced.href);
    expect(missing.filter((id) => !rows.has(id))).toEqual([]);
    // From the first one lost to the exchange: no gap before, none after.
    const first = writer.acknowledged.findIndex(({ id }) => id === missing[0]);
    expect(writer.acknowledged.slice(first, first + missing.length).map(({ id }) => id)).toEqual(missing);
  });
});

async function idsIn(url: string): Promise<Set<number>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return new Set((await client.query<{ id: number }>('SELECT id FROM orders')).rows.map(({ id }) => id));
  } finally {
    await client.end();
  }
}
