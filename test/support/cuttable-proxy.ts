/** A TCP proxy on loopback whose network can be cut: by silence in both directions, or by resets. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

type Network = 'up' | 'silent' | 'resetting';

export class CuttableProxy {
  #network: Network = 'up';
  readonly #sockets = new Set<Socket>();
  /** Accepted while nothing passes: nobody answers them until the network is back. */
  #waiting: Socket[] = [];

  private constructor(
    private readonly server: Server,
    private readonly to: { host: string; port: number },
  ) {
    server.on('connection', (socket) => this.#accept(socket));
  }

  static async to(host: string, port: number): Promise<CuttableProxy> {
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CuttableProxy(server, { host, port });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Nothing passes any more, in neither direction, and nobody is told. */
  silence(): void {
    this.#network = 'silent';
    for (const socket of this.#sockets) socket.pause();
  }

  /** Every connection is reset, and every new one. */
  reset(): void {
    this.#network = 'resetting';
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** What was held back arrives late, as after a route that flapped. */
  heal(): void {
    this.#network = 'up';
    for (const socket of this.#sockets) socket.resume();
    for (const socket of this.#waiting.splice(0)) this.#join(socket);
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.server.listening) await once(this.server, 'close');
  }

  #accept(socket: Socket): void {
    this.#track(socket);
    if (this.#network === 'resetting') socket.resetAndDestroy();
    else if (this.#network === 'silent') this.#waiting.push(socket);
    else this.#join(socket);
  }

  #join(near: Socket): void {
    if (near.destroyed) return;
    const far = connect(this.to);
    this.#track(far);
    for (const [from, into] of [[near, far], [far, near]] as const) {
      from.on('data', (bytes) => into.write(bytes));
      from.on('end', () => into.end());
      from.on('close', () => into.destroy());
    }
    near.resume();
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
