/** A network between worker and database whose answers can be made late. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll } from 'vitest';

export interface SlowNetwork {
  /** The database's URL by way of this network. */
  url: string;
  /** Each answer comes so much later from now on; 0: none does. */
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
    client.pipe(database);
    database.on('data', (chunk) => (ms === 0 ? client.write(chunk) : setTimeout(() => client.write(chunk), ms)));
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
