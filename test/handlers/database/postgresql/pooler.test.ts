import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterAll, expect, test } from 'vitest';
import { parsePostgresUrl } from '../../../../src/handlers/database/postgresql/connection-url.js';
import { createDatabase, postgres } from '../../../support/postgres.js';
import { changeOptions, database } from './support.js';

const closing: (() => void)[] = [];
afterAll(() => closing.splice(0).forEach((close) => close()));

/** Stands before the real server as PgBouncer does: no TLS, and a client that sends startup options is turned away. */
async function gate(): Promise<{ port: number; refused: () => number }> {
  const { host, port } = await postgres();
  let refused = 0;
  const server = createServer((client) => {
    client.on('error', () => {});
    client.once('data', function first(message: Buffer) {
      if (message.readInt32BE(4) === 80877103) {
        client.write('N');
        client.once('data', first);
      } else if (message.includes('\0options\0')) {
        refused += 1;
        client.end(errorResponse('unsupported startup parameter: options'));
      } else {
        pass(client, message, connect(port, host));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, refused: () => refused };
}

function pass(client: Socket, first: Buffer, upstream: Socket): void {
  upstream.on('error', () => client.destroy());
  upstream.write(first);
  client.pipe(upstream).pipe(client);
}

function errorResponse(message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C08P01\0M${message}\0\0`);
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

test('where startup options are refused, sessions do without', async () => {
  const { url } = await createDatabase();
  const { port, refused } = await gate();
  const through = new URL(url);
  through.port = String(port);
  const identity = await database.identify(database.target(through.href));
  expect(refused()).toBeGreaterThan(0);
  expect(identity).toMatchObject({ identity: (await database.identify(database.target(url))).identity, pooled: false });
  expect((await database.bookkeeping.takeFence(database.target(through.href), 'operation-1', changeOptions())).token).toBe('1');
});

test('with ?schema=, which needs them, such a way is no way to change a database', async () => {
  const { url, query } = await createDatabase();
  await query('CREATE SCHEMA app');
  const { port } = await gate();
  const through = new URL(`${url}?schema=app`);
  through.port = String(port);
  expect(await database.identify(database.target(through.href))).toMatchObject({ pooled: true, pooledReason: expect.stringContaining('?schema=') });
  await expect(database.bookkeeping.takeFence(database.target(through.href), 'operation-1', changeOptions())).rejects.toMatchObject({ code: 'unsupported' });
});

test('a URL that says pgbouncer=true sends none to begin with', async () => {
  const { url } = await createDatabase();
  const { port, refused } = await gate();
  const through = new URL(`${url}?pgbouncer=true`);
  through.port = String(port);
  expect(await database.identify(parsePostgresUrl(through.href))).toMatchObject({ pooled: true, pooledReason: 'the URL says pgbouncer=true' });
  expect(refused()).toBe(0);
});
