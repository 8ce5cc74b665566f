/** A name of RDS as an address of loopback: connections go to the server that has the name now, and nowhere while none has. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Endpoint {
  #sockets = new Set<Socket>();

  private constructor(readonly host: string, readonly port: number, private readonly server: Server) {}

  /** @param leadsTo the port of the server; null: nobody answers to the name */
  static async at(host: string, port: number, leadsTo: () => number | null): Promise<Endpoint> {
    const server = createServer();
    const endpoint = new Endpoint(host, port, server);
    server.on('connection', (socket) => endpoint.#pipe(socket, leadsTo()));
    server.listen(port, host);
    await once(server, 'listening');
    return endpoint;
  }

  /** Ends the connections that go through it, as a rename does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.server.close();
    this.cut();
    await once(this.server, 'close');
  }

  #pipe(socket: Socket, port: number | null): void {
    socket.on('error', () => {});
    if (port === null) return void socket.destroy();
    const other = connect(port, '127.0.0.1');
    other.on('error', () => {});
    for (const one of [socket, other]) {
      this.#sockets.add(one);
      one.on('close', () => {
        this.#sockets.delete(one);
        socket.destroy();
        other.destroy();
      });
    }
    socket.pipe(other).pipe(socket);
  }
}
