/**
 * Owns the servers that all test files of a run share. They start when the first test asks (a run of pure tests starts
 * none) and end with the run. Test files run in other processes, so they ask over a loopback HTTP port.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { startShared, type SharedServer } from './shared-servers.js';

declare module 'vitest' {
  export interface ProvidedContext {
    sharedServers: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, Promise<SharedServer>>();
  const desk = createServer((request, response) => {
    const name = (request.url ?? '/').slice(1);
    const server = started.get(name) ?? startShared(name);
    started.set(name, server);
    server.then(
      ({ facts }) => response.end(JSON.stringify(facts)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  desk.listen(0, '127.0.0.1');
  await once(desk, 'listening');
  project.provide('sharedServers', `http://127.0.0.1:${(desk.address() as AddressInfo).port}`);

  return async () => {
    desk.closeAllConnections();
    desk.close();
    const servers = await Promise.allSettled(started.values());
    await Promise.all(servers.map(async (result) => (result.status === 'fulfilled' ? result.value.stop() : undefined)));
  };
}
