import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { limited } from '../../src/activities/limited.js';
import { databaseHandlers } from '../../src/handlers/database/index.js';
import { migrationHandlers } from '../../src/handlers/migration/index.js';
import { createDatabase } from '../support/postgres.js';

const sockets: Socket[] = [];
afterAll(() => {
  for (const socket of sockets) socket.destroy();
});

/** Between us and the server: lets everything through until told to stand still. */
async function standStill(host: string, port: number): Promise<{ port: number; stop(): void }> {
  const between = createServer((near) => {
    const far = connect(port, host);
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => {});
    near.pipe(far).pipe(near);
  });
  between.listen(0, '127.0.0.1');
  await new Promise((resolve) => between.once('listening', resolve));
  between.unref();
  return { port: (between.address() as AddressInfo).port, stop: () => sockets.forEach((socket) => socket.unpipe().pause()) };
}

it('a server that lets us in and then says no more is left at the limit, its sessions broken off', async () => {
  const { url } = await createDatabase();
  const through = new URL(url);
  const between = await standStill(through.hostname, Number(through.port));
  through.port = String(between.port);
  const database = databaseHandlers('postgresql');
  const resources = { database, target: database.target(through.href), migrations: migrationHandlers('prisma', database) };
  const never = new AbortController().signal;
  const stuck = limited(resources, never, 2, async ({ resources: { target } }) => {
    const session = await database.connect(target, 'read');
    between.stop();
    try {
      await session.query('SELECT 1');
    } finally {
      await session.close();
    }
  });
  await expect(stuck).rejects.toMatchObject({ code: 'health_check_failed', message: expect.stringContaining('no answer within 2 seconds') as string });
});

it('what broke because the activity was ended is not called a limit', async () => {
  const { url } = await createDatabase();
  const database = databaseHandlers('postgresql');
  const resources = { database, target: database.target(url), migrations: migrationHandlers('prisma', database) };
  const ended = new AbortController();
  const reason = new Error('the worker shuts down');
  const work = limited(resources, ended.signal, 60, async ({ signal }) => {
    ended.abort(reason);
    signal.throwIfAborted();
  });
  await expect(work).rejects.toBe(reason);
});
