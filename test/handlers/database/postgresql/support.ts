/** What the tests of the PostgreSQL handler share: a target in a database of its own, and sessions that stand in the way. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, expect } from 'vitest';
import { databaseHandlers } from '../../../../src/handlers/database/index.js';
import { ScriptError, type ChangeOptions, type Fence, type ScriptFailure } from '../../../../src/handlers/database/contract.js';
import { parsePostgresUrl, type PostgresTarget } from '../../../../src/handlers/database/postgresql/connection-url.js';
import { createDatabase, type TestDatabase } from '../../../support/postgres.js';

export const database = databaseHandlers('postgresql');

export interface Scene extends TestDatabase {
  target: PostgresTarget;
}

export async function scene(options?: Parameters<typeof createDatabase>[0]): Promise<Scene> {
  const created = await createDatabase(options);
  return { ...created, target: parsePostgresUrl(created.url) };
}

export function changeOptions(overrides: Partial<ChangeOptions> = {}): ChangeOptions {
  return { signal: new AbortController().signal, lockTimeoutSeconds: 20, timeoutSeconds: 20, ...overrides };
}

export function takeFence(target: PostgresTarget, operationId = 'operation-1', overrides?: Partial<ChangeOptions>): Promise<Fence> {
  return database.bookkeeping.takeFence(target, operationId, changeOptions(overrides));
}

/** Runs one script in a fenced transaction that records nothing. */
export async function apply(target: PostgresTarget, fence: Fence, sql: string, overrides?: Parameters<typeof changeOptions>[0] & { step?: string }): Promise<void> {
  const { step, ...options } = overrides ?? {};
  await database.inTransaction(
    target,
    fence,
    { ...changeOptions(options), ...(step !== undefined && { step: { migration: step, action: 'applied' as const, ledgerId: `ledger-${step}` } }) },
    (session) => session.script(sql),
    async () => {},
  );
}

/** A connection of the application, open until the end of the file. */
export async function applicationSession(url: string, name = 'shop'): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: name });
  client.on('error', () => {});
  await client.connect();
  open.push(client);
  return client;
}
const open: pg.Client[] = [];
afterAll(async () => {
  for (const client of open.splice(0)) await client.end().catch(() => {});
});

export async function scriptFailure(work: Promise<unknown>): Promise<ScriptFailure & { detail: string }> {
  const error = await work.then(
    () => expect.fail('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ScriptError)) throw error;
  return { ...error.failure, detail: error.detail };
}

/** Waits until the condition holds. @throws Error after 15 s. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const begun = performance.now();
  while (!(await condition())) {
    if (performance.now() - begun > 15_000) throw new Error('it did not happen');
    await sleep(30);
  }
}
