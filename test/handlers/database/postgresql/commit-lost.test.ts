import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { postgres } from '../../../support/postgres.js';
import { changeOptions, database, scene, scriptFailure, takeFence, until } from './support.js';

const closing: (() => void)[] = [];
afterAll(() => closing.splice(0).forEach((close) => close()));

/** A network that breaks when a COMMIT passes: after it was delivered, or before. */
async function breakingAtCommit(delivered: boolean): Promise<number> {
  const { host, port } = await postgres();
  const server = createServer((client) => {
    const upstream = connect(port, host);
    for (const [one, other] of [[client, upstream], [upstream, client]] as const) one.on('error', () => other.destroy());
    upstream.pipe(client);
    client.on('data', (message) => {
      const breaks = message.includes('COMMIT; ');
      if (!breaks || delivered) upstream.write(message);
      if (!breaks) return;
      client.destroy();
      upstream.unpipe(client);
      if (!delivered) upstream.destroy();
      else setTimeout(() => upstream.destroy(), 500);
    });
    client.on('end', () => upstream.end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('a connection that breaks at COMMIT is never taken for a failure nor for success', () => {
  test.each([
    ['delivered, with the step in the same message', true, undefined],
    ['delivered, alone', true, async () => {}],
    ['not delivered, with the step in the same message', false, undefined],
    ['not delivered, alone', false, async () => {}],
  ])('%s', async (_, delivered, record) => {
    const { target, url, query } = await scene();
    const fence = await takeFence(target);
    const through = new URL(url);
    through.port = String(await breakingAtCommit(delivered));
    const change = database.inTransaction(
      database.target(through.href) as typeof target,
      fence,
      { ...changeOptions(), step: { migration: '1_customer', action: 'applied', ledgerId: null } },
      (session) => session.script('CREATE TABLE customer (id int)'),
      record,
    );
    expect(await scriptFailure(change)).toMatchObject({ connectionLost: true, message: expect.stringContaining('at COMMIT; the ledger tells') });
    if (delivered) await until(async () => (await database.bookkeeping.steps(target, 'operation-1')).length === 1);
    else expect(await database.bookkeeping.steps(target, 'operation-1')).toEqual([]);
    expect(await query("SELECT to_regclass('customer') AS t")).toEqual([{ t: delivered ? 'customer' : null }]);
  });
});
