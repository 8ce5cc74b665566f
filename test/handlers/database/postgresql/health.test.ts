import { describe, expect, test } from 'vitest';
import { applicationSession, database, scene, takeFence } from './support.js';

const THRESHOLDS = {
  latency_warning_ms: 10_000, latency_critical_ms: 20_000, pending_migrations_warning: 5,
  long_transaction_warning_seconds: 3600, connections_warning_percent: 100, disk_free_warning_percent: 10,
};
type Check = Awaited<ReturnType<typeof database.checkHealth>>[number];
const named = (checks: Check[], name: string) => checks.find((check) => check.name === name)!;

describe('health', () => {
  test('of a database that is well', async () => {
    const { target } = await scene();
    const checks = await database.checkHealth(target, THRESHOLDS);
    expect(checks.map(({ name, status }) => [name, status])).toEqual([
      ['connectivity', 'healthy'], ['latency', 'healthy'], ['long_transactions', 'healthy'], ['connections', 'healthy'], ['disk', 'unknown'],
    ]);
    expect(named(checks, 'latency').value).toBeGreaterThan(0);
  });

  test('of a server that is down is an answer, not an error, and holds no secret', async () => {
    const { url, role } = await scene();
    const down = new URL(url);
    down.port = '1';
    const checks = await database.checkHealth(database.target(down.href), THRESHOLDS);
    expect(named(checks, 'connectivity')).toMatchObject({ status: 'unhealthy', detail: 'Connection refused', recommendation: expect.stringMatching(/^127\.0\.0\.1:\d+\/.*: Check that the server runs/) });
    expect(checks.filter(({ status }) => status === 'unknown').map(({ name }) => name)).toEqual(['latency', 'long_transactions', 'connections', 'disk']);
    expect(JSON.stringify(checks)).not.toContain(encodeURIComponent(role.password));
  });

  test.each([[{ latency_warning_ms: 0.0001 }, 'degraded'], [{ latency_warning_ms: 0.00001, latency_critical_ms: 0.0001 }, 'unhealthy']])('latency is measured against %o', async (thresholds, status) => {
    const { target } = await scene();
    expect(named(await database.checkHealth(target, { ...THRESHOLDS, ...thresholds }), 'latency')).toMatchObject({ status, recommendation: expect.any(String) });
  });

  test('a long transaction degrades it, and is told with its age', async () => {
    const { target, url } = await scene();
    const application = await applicationSession(url);
    await application.query('BEGIN');
    await application.query('SELECT pg_sleep(0.2)');
    const checks = await database.checkHealth(target, { ...THRESHOLDS, long_transaction_warning_seconds: 0.1 });
    expect(named(checks, 'long_transactions')).toMatchObject({ status: 'degraded', value: 1, recommendation: expect.any(String) });
  });

  test('the disk of a server on this machine is measured for a role that may know where it is', async () => {
    const { target } = await scene({ role: 'superuser' });
    const disk = async (percent: number) => named(await database.checkHealth(target, { ...THRESHOLDS, disk_free_warning_percent: percent }), 'disk');
    expect(await disk(100)).toMatchObject({ status: 'degraded', value: expect.any(Number), recommendation: expect.stringContaining('df -h ') });
    expect(await disk(0.000001)).toMatchObject({ status: 'healthy', value: expect.any(Number) });
  });

  test('taken connections count for the whole server', async () => {
    const { target } = await scene();
    const checks = await database.checkHealth(target, { ...THRESHOLDS, connections_warning_percent: 0.001 });
    expect(named(checks, 'connections')).toMatchObject({ status: 'degraded', detail: expect.stringMatching(/^\d+ of \d+ taken/) });
  });
});

test('sessions are shown with what they run, without the values in it', async () => {
  const { target, url } = await scene();
  const application = await applicationSession(url, 'shop-web');
  await application.query('BEGIN');
  await application.query("SELECT 'hunter2', 4711");
  const shown = await database.sessions(target);
  expect(shown).toEqual([expect.objectContaining({ application: 'shop-web', state: 'idle in transaction', query: 'SELECT ?, ?', since: expect.stringMatching(/Z$/) })]);
  // The server keeps 1024 bytes of a query: this one ends inside its literal.
  await application.query(`INSERT INTO pg_temp.x SELECT '${'hunter2 '.repeat(300)}'`).catch(() => {});
  expect((await database.sessions(target))[0]?.query).toBe('INSERT INTO');
});

describe('bookkeeping', () => {
  const row = { operation_id: 'op-1', operation: 'migrate', environment: 'production', request_digest: 'digest', plan_hash: 'hash', artifact: null, requested_by: 'ana' };

  test('a database that was never changed by us has none, and reading creates none', async () => {
    const { target, query } = await scene();
    expect(await database.bookkeeping.operation(target, 'op-1')).toBeNull();
    expect(await database.bookkeeping.unfinished(target)).toEqual([]);
    expect(await database.bookkeeping.steps(target, 'op-1')).toEqual([]);
    expect(await query("SELECT to_regnamespace('faber_db') AS schema")).toEqual([{ schema: null }]);
  });

  test('an operation is unfinished from its begin to its end, and the marker names the environment', async () => {
    const { target } = await scene();
    const { bookkeeping } = database;
    const fence = await takeFence(target, 'op-1');
    await bookkeeping.begin(target, fence, row, 'production');
    expect(await bookkeeping.unfinished(target)).toEqual([{ ...row, begun_at: expect.stringMatching(/Z$/), ended_at: null, answer: null }]);
    expect(await database.identify(target)).toMatchObject({ marker: 'production', empty: true });
    await bookkeeping.begin(target, fence, { ...row, plan_hash: 'newer' }, null);
    expect(await bookkeeping.operation(target, 'op-1')).toMatchObject({ plan_hash: 'newer', ended_at: null });
    await bookkeeping.end(target, fence, 'op-1', { status: 'success' });
    expect(await bookkeeping.unfinished(target)).toEqual([]);
    expect(await bookkeeping.operation(target, 'op-1')).toMatchObject({ answer: { status: 'success' }, ended_at: expect.stringMatching(/Z$/) });
    expect(await database.identify(target)).toMatchObject({ marker: 'production' });
  });

  test('an operation that another one reconciled ends without the fence', async () => {
    const { target } = await scene();
    const fence = await takeFence(target, 'op-1');
    await database.bookkeeping.begin(target, fence, row, null);
    await takeFence(target, 'op-2');
    await database.bookkeeping.end(target, null, 'op-1', null);
    expect(await database.bookkeeping.unfinished(target)).toEqual([]);
  });

  test('is created once, however many ask at the same time', async () => {
    const { target, query } = await scene();
    await Promise.all(Array.from({ length: 5 }, () => database.bookkeeping.ensure(target)));
    expect(await query('SELECT token::int FROM faber_db.fence')).toEqual([{ token: 0 }]);
  });
});
