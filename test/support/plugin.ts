/** Plugins and webhooks for tests: real programs, and a real HTTP server that keeps what it was sent. */
import { chmod, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { tempDir } from './temp.js';

/** Writes an executable shell script. @returns its absolute path */
export async function script(lines: string, folder?: string, name = 'plugin'): Promise<string> {
  const file = join(folder ?? (await tempDir()), name);
  await writeFile(file, `#!/bin/sh\n${lines}\n`);
  await chmod(file, 0o755);
  return file;
}

export interface Received {
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface Hook {
  url: string;
  port: number;
  received: Received[];
  /** The bodies that came to a path, parsed. */
  to(path: string): Record<string, unknown>[];
}

/** A server on this machine; `answer` writes the response, which is 200 "ok" without it. */
export async function hook(answer?: (request: Received, response: ServerResponse, nth: number) => void): Promise<Hook> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const got = { path: request.url ?? '', headers: request.headers, body };
      received.push(got);
      if (answer) answer(got, response, received.length);
      else response.end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, received, to: (path) => received.filter((r) => r.path === path).map((r) => JSON.parse(r.body) as Record<string, unknown>) };
}
