/** A network between worker and database on which the answers to the health check's pings can be made late, and nothing else. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll } from 'vitest';

/** As health.ts sends it. */
const PING = 'SELECT 1\0';

export interface SlowNetwork {
  /** The database's URL by way of this network. */
  url: string;
  /** Each answer to a ping comes so much later from now on; 0: none does. */
  delay(ms: number): void;
}

export async function slowNetwork(databaseUrl: string): Promise<SlowNetwork> {
  const url = new URL(databaseUrl);
  const [host, port] = [url.hostname, Number(url.port)];
  let ms = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const database = connect(port, host);
    for (const socket of [client, database]) {
      open.add(socket);
      socket.on('error', () => {}).on('close', () => {
        open.delete(socket);
        client.destroy();
        database.destroy();
      });
    }
    let pinged = false;
    client.on('data', (chunk) => {
      pinged = chunk.includes(PING);
      database.write(chunk);
    });
    database.on('data', (chunk) => (pinged && ms > 0 ? setTimeout(() => client.write(chunk), ms) : client.write(chunk)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return { url: url.href, delay: (next) => (ms = next) };
}
