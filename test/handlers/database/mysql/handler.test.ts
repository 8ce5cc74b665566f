import { describe, expect, it } from 'vitest';
import { databaseHandlers } from '../../../../src/handlers/database/index.js';
import type { Session } from '../../../../src/handlers/database/contract.js';
import { createMysqlDatabase } from '../../../support/mysql.js';
import { prismaSettings } from '../../migration/prisma/support.js';

const database = databaseHandlers('mysql');
const options = () => ({ signal: new AbortController().signal, lockTimeoutSeconds: 5, timeoutSeconds: 20 });

async function fenced(operationId = 'op-1') {
  const db = await createMysqlDatabase();
  const target = database.target(db.url);
  return { db, target, fence: await database.bookkeeping.takeFence(target, operationId, options()) };
}

describe('MySQL', () => {
  it('is one database on every route, and another where the name or the server is another', async () => {
    const { db, target } = await fenced();
    const { identity, serverVersion, empty } = await database.identify(target);
    expect(identity).toMatch(new RegExp(`^mysql:[0-9a-f-]{20,36}/${db.name}$`));
    expect(serverVersion).toMatch(/^1\d\.\d+/);
    expect(empty).toBe(true);
    expect((await database.identify(database.target(db.url.replace('127.0.0.1', 'localhost')))).identity).toBe(identity);
    const missing = await database.identify(database.target(db.url.replace(db.name, `${db.name}_faber_gone`)), { mayBeMissing: true });
    expect(missing).toMatchObject({ missing: true, empty: true, identity: `${identity}_faber_gone` });
  });

  it('prints the grant that an ordinary role lacks', async () => {
    const db = await createMysqlDatabase({ grantBeside: false });
    await expect(database.bookkeeping.ensure(database.target(db.url))).rejects.toMatchObject({
      code: 'unsupported',
      suggestions: [expect.stringContaining(`GRANT ALL ON \`${db.name.replaceAll('_', '\\_')}\\_faber\\_%\`.* TO '${db.role.name}'@'%'`)],
    });
  });

  it('ends what an earlier holder runs, and refuses it from then on', async () => {
    const { target, fence } = await fenced();
    let begun!: () => void;
    const running = new Promise<void>((resolve) => (begun = resolve));
    const old = database.inTransaction(target, fence, options(), async (session) => {
      begun();
      await session.query('SELECT SLEEP(30)');
      await session.query('SELECT 1');
    });
    const outcome = old.then(() => 'committed', (error: Error) => error.message);
    await running;
    const started = Date.now();
    await database.bookkeeping.takeFence(target, 'op-2', options());
    expect(Date.now() - started).toBeLessThan(10_000);
    expect(await outcome).toMatch(/ended|broke/);
    await expect(database.inTransaction(target, fence, options(), async () => {})).rejects.toMatchObject({ code: 'fenced_off' });
  });

  it('refuses an attempt that woke up late, and one whose operation has ended', async () => {
    const db = await createMysqlDatabase();
    const target = database.target(db.url);
    const fence = await database.bookkeeping.takeFence(target, 'op-1', { ...options(), attemptAt: 200 });
    await expect(database.bookkeeping.takeFence(target, 'op-1', { ...options(), attemptAt: 100 })).rejects.toMatchObject({ code: 'fenced_off' });
    const row = { operation_id: 'op-1', operation: 'migrate', environment: 'test', request_digest: 'd', plan_hash: null, artifact: null, requested_by: 'ana' };
    await database.bookkeeping.begin(target, fence, row, 'test');
    await database.bookkeeping.end(target, fence, 'op-1', { status: 'success' });
    await expect(database.bookkeeping.takeFence(target, 'op-1', { ...options(), attemptAt: 300 })).rejects.toMatchObject({ code: 'fenced_off' });
    const [remembered] = await database.bookkeeping.remembered(target);
    expect(remembered).toMatchObject({ operation_id: 'op-1', requested_by: 'ana', ended_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]{15}Z$/) });
  });

  it('a transaction is there as a whole or not at all, also when a schema change in it commits', async () => {
    const { db, target, fence } = await fenced();
    await db.query('CREATE TABLE item (id INT PRIMARY KEY)');
    const write = (work: (session: Session) => Promise<unknown>) => database.inTransaction(target, fence, options(), async (session) => void (await work(session)));
    await expect(write(async (session) => {
      await session.query('INSERT INTO item VALUES (1)');
      await session.query('INSERT INTO item VALUES (1)');
    })).rejects.toMatchObject({ failure: { sqlState: '23000', message: expect.stringMatching(/^duplicate entry for key PRIMARY \(error 1062\)$/) } });
    expect(await db.query('SELECT * FROM item')).toEqual([]);
    await expect(write((session) => session.query('CREATE TABLE other (id INT)'))).rejects.toMatchObject({ failure: { sqlState: '2D000' } });
  });

  it('waits for a lock in short tries, and tells when it was not to be had', async () => {
    const { db, target, fence } = await fenced();
    await db.query('CREATE TABLE item (id INT PRIMARY KEY, n INT)');
    await db.query('INSERT INTO item VALUES (1, 0)');
    const blocker = await database.connect(target, 'read');
    await blocker.query('START TRANSACTION');
    await blocker.query('SELECT * FROM item WHERE id = 1 FOR UPDATE');
    const waits: string[] = [];
    const update = (seconds: number) => database.inTransaction(target, fence, { ...options(), lockTimeoutSeconds: seconds, onWait: (what) => waits.push(what) }, (session) => session.script('UPDATE item SET n = n + 1'));
    await expect(update(1)).rejects.toMatchObject({ code: 'lock_timeout' });
    const later = update(20);
    setTimeout(() => void blocker.close(), 2500);
    await later;
    expect(waits.length).toBeGreaterThan(0);
    expect(await db.query('SELECT n FROM item')).toEqual([{ n: 1 }]);
  });

  it('tells apart schemas by their definitions, not by the counters of AUTO_INCREMENT', async () => {
    const { db, target } = await fenced();
    await db.query('CREATE TABLE item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) DEFAULT \'a) AUTO_INCREMENT=5\')');
    const before = await database.schemaFingerprint(target);
    await db.query('INSERT INTO item (name) VALUES (1), (2), (3)');
    expect(await database.schemaFingerprint(target)).toBe(before);
    await db.query('CREATE VIEW names AS SELECT name FROM item');
    expect(await database.schemaFingerprint(target)).not.toBe(before);
    const facts = await database.schemaFacts(target);
    expect(facts.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['table item', 'column item.id', 'column item.name', 'index item.PRIMARY', 'view names']);
    expect(facts.at(-1)!.definition).not.toContain(db.name);
    expect(facts[2]!.definition).toContain('AUTO_INCREMENT=5');
  });

  it('measures, lists sessions without literals, and finds rows without writing', async () => {
    const { db, target } = await fenced();
    await db.query('CREATE TABLE item (id INT PRIMARY KEY, note TEXT)');
    await db.query("INSERT INTO item VALUES (1, NULL), (2, 'x')");
    expect(await database.measure(target, [{ table: '`item`', column: null }, { table: '`item`', column: 'note' }, { table: '`gone`', column: null }])).toEqual([{ rows: 2, exact: true }, { rows: 1, exact: true }, null]);
    const sleeping = db.query("SELECT SLEEP(2), 'secret of ana'");
    await expect.poll(async () => JSON.stringify(await database.sessions(target))).toContain('SELECT SLEEP');
    expect(JSON.stringify(await database.sessions(target))).not.toContain('secret of ana');
    await sleeping;
    expect(await database.rowsFound(target, 'SELECT id FROM item WHERE note IS NULL;', { ...options(), timeoutSeconds: 5 })).toEqual({ rows: 1, more: false });
    await expect(database.rowsFound(target, 'DELETE FROM item', options())).rejects.toMatchObject({ code: 'phase_failed' });
    const checks = await database.checkHealth(target, prismaSettings('/nowhere').health);
    expect(checks.map(({ name, status }) => `${name} ${status}`)).toEqual(['connectivity healthy', 'latency healthy', 'long_transactions healthy', 'connections healthy', expect.stringMatching(/^disk/)]);
  });
});
