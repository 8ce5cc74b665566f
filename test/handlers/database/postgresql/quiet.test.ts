import { describe, expect, test, beforeAll, afterAll } from 'vitest';
import pg from 'pg';
import type { PostgresServer } from '../../../../src/dev/postgres-server.js';
import { startPostgres } from '../../../../src/dev/postgres-server.js';
import { recordOwnTransactions } from '../../../../src/handlers/database/postgresql/own-transactions.js';
import { postgres } from '../../../support/postgres.js';
import { apply, applicationSession, database, takeFence } from './support.js';

// Transaction ids are counted for the whole server, so only a server of our own is quiet.
let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres((await postgres()).binDir, { autovacuum: 'off' });
});
afterAll(() => server.stop());

async function onServer(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}
const asAdmin = (sql: string) => onServer(server.adminUrl, sql);

let made = 0;
async function scene() {
  made += 1;
  const name = `shop_${made}`;
  await asAdmin(`CREATE ROLE ${name} LOGIN PASSWORD 'secret'`);
  await asAdmin(`CREATE DATABASE ${name} OWNER ${name}`);
  const url = `postgresql://${name}:secret@${server.host}:${server.port}/${name}`;
  return { url, name, target: database.target(url) as ReturnType<typeof database.target> & Parameters<typeof takeFence>[0], query: (sql: string) => onServer(url, sql) };
}
type Scene = Awaited<ReturnType<typeof scene>>;

async function snapshotOf({ query }: Scene): Promise<{ position: string }> {
  const [row] = await query('SELECT pg_current_snapshot()::text AS position');
  return row as { position: string };
}

describe('whether anybody wrote since a snapshot', () => {
  test('nobody: proven, with own steps, bookkeeping and rolled back work taken off', async () => {
    const shop = await scene();
    const { target, query } = shop;
    await query('CREATE TABLE customer (id int)');
    await database.bookkeeping.ensure(target);
    const snapshot = await snapshotOf(shop);
    const fence = await takeFence(target);
    await apply(target, fence, 'INSERT INTO customer VALUES (1)', { step: '1' });
    await expect(apply(target, fence, 'INSERT INTO customer VALUES (2); SELECT 1/0', { step: '2' })).rejects.toThrow();
    await database.bookkeeping.end(target, fence, 'operation-1', { status: 'error' });
    expect(await database.nothingWrittenSince(target, snapshot, 'operation-1')).toEqual({
      proven: true,
      reason: expect.stringMatching(/^all \d+ transaction ids since the snapshot are own or rolled back$/),
    });
  });

  test('a write of the application breaks the proof, one that was rolled back does not', async () => {
    const shop = await scene();
    await shop.query('CREATE TABLE customer (id int)');
    await takeFence(shop.target);
    const application = await applicationSession(shop.url);
    const snapshot = await snapshotOf(shop);
    await application.query('BEGIN; INSERT INTO customer VALUES (1); ROLLBACK');
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: true });
    await application.query('INSERT INTO customer VALUES (1)');
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: false, reason: expect.stringContaining('not known as own') });
  });

  test('a transaction that was open at the snapshot and committed later breaks it', async () => {
    const shop = await scene();
    await shop.query('CREATE TABLE customer (id int)');
    await takeFence(shop.target);
    const application = await applicationSession(shop.url);
    await application.query('BEGIN; INSERT INTO customer VALUES (1)');
    await asAdmin('SELECT txid_current()');
    const snapshot = await snapshotOf(shop);
    expect(snapshot.position).toMatch(/:\d+$/);
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: false, reason: expect.stringContaining('are open') });
    await application.query('COMMIT');
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: false });
  });

  test('a transaction that has written and not yet committed breaks it', async () => {
    const shop = await scene();
    await shop.query('CREATE TABLE customer (id int)');
    await takeFence(shop.target);
    const snapshot = await snapshotOf(shop);
    const application = await applicationSession(shop.url);
    await application.query('BEGIN; INSERT INTO customer VALUES (1)');
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: false });
    await application.query('ROLLBACK');
  });

  test('another operation of ours is somebody else', async () => {
    const shop = await scene();
    await shop.query('CREATE TABLE customer (id int)');
    const snapshot = await snapshotOf(shop);
    await takeFence(shop.target, 'other');
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: false });
  });

  test('transactions that the operation ran elsewhere can be told', async () => {
    const shop = await scene();
    await takeFence(shop.target);
    const snapshot = await snapshotOf(shop);
    const [elsewhere] = await asAdmin('SELECT txid_current()::text AS xid');
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: false, reason: expect.stringContaining('in this database or another') });
    await recordOwnTransactions(shop.target, 'operation-1', [String(elsewhere!['xid'])]);
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: true });
  });

  test('can be asked through a session when the database lets no other in', async () => {
    const shop = await scene();
    await takeFence(shop.target);
    const session = await database.connect(shop.target, 'swap');
    await asAdmin(`ALTER DATABASE "${shop.name}" ALLOW_CONNECTIONS false`);
    const through = await database.nothingWrittenSince(shop.target, { position: '3:3:' }, 'operation-1', session);
    const without = await database.nothingWrittenSince(shop.target, { position: '3:3:' }, 'operation-1');
    await session.close();
    expect(through.reason).toContain('since the snapshot');
    expect(without).toMatchObject({ proven: false, reason: expect.stringContaining('cannot be reached') });
  });

  test.each([['', 'does not say where'], ['x', 'does not say where'], ['99999999999:99999999999:', 'not of this server']])('a snapshot that cannot be judged (%s) proves nothing', async (position, why) => {
    const { target } = await scene();
    await takeFence(target);
    expect(await database.nothingWrittenSince(target, { position }, 'operation-1')).toEqual({ proven: false, reason: expect.stringContaining(why) });
  });

  test('without bookkeeping nothing is proven', async () => {
    const shop = await scene();
    expect(await database.nothingWrittenSince(shop.target, await snapshotOf(shop), 'operation-1')).toMatchObject({ proven: false, reason: expect.stringContaining('no record') });
  });
});
