/** An HTTP proxy on loopback in front of an AWS endpoint, in which a test makes go wrong what moto never does. */
import { once } from 'node:events';
import { createServer, request as send, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProxiedRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingHttpHeaders;
  /** `Action` of the query protocol (RDS, STS); null elsewhere. */
  action: string | null;
  /** Parameters of the query protocol. */
  parameters: URLSearchParams;
}

export type Fault =
  /** Answered by the proxy, as S3 and the query protocol write an error. */
  | { kind: 'error'; status: number; code: string; message?: string }
  /** The connection is cut when so many bytes of the request's body have come. */
  | { kind: 'cut-request'; afterBytes: number }
  /** The connection is cut when so many bytes of the answer's body were passed on. */
  | { kind: 'cut-response'; afterBytes: number }
  /** Nobody answers. */
  | { kind: 'silence' }
  /** Passed on so much later. */
  | { kind: 'delay'; ms: number }
  /** Passed on as if it had been asked otherwise: for pages smaller than those that a client asks for. */
  | { kind: 'ask'; url: (url: string) => string }
  /** The answer's body, changed: a state that moto skips (`creating`), a page of a list. */
  | { kind: 'rewrite'; body: (text: string, request: ProxiedRequest) => string };

interface Rule {
  matches: (request: ProxiedRequest) => boolean;
  fault: Fault;
  /** How often it still applies. */
  left: number;
}

export class FaultProxy {
  /** Every request that came, with the status it got (0: cut or unanswered). */
  readonly seen: (ProxiedRequest & { status: number })[] = [];
  #rules: Rule[] = [];

  private constructor(private readonly server: Server, private readonly target: URL) {
    // A request or connection that is cut is what this is for.
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response).catch(() => response.destroy()));
  }

  /** @param endpoint `http://host:port` */
  static async to(endpoint: string): Promise<FaultProxy> {
    const server = createServer({ keepAliveTimeout: 60_000 }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultProxy(server, new URL(endpoint));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on the next `times` requests that match go wrong so. Earlier rules first. */
  fail(matches: Rule['matches'], fault: Fault, times = Infinity): void {
    this.#rules.push({ matches, fault, left: times });
  }

  /** Everything goes well again. */
  heal(): void {
    this.#rules = [];
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = isForm(request) ? await read(request) : null;
    const parameters = new URLSearchParams(body?.toString() ?? '');
    const seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, action: parameters.get('Action'), parameters, status: 0 };
    this.seen.push(seen);
    const rule = this.#rules.find(({ left, matches }) => left > 0 && matches(seen));
    if (rule) rule.left--;
    const fault = rule?.fault;
    switch (fault?.kind) {
      case 'error':
        request.resume();
        seen.status = fault.status;
        response.writeHead(fault.status, { 'content-type': 'application/xml' }).end(errorXml(fault.code, fault.message ?? fault.code, seen.action !== null));
        return;
      case 'silence':
        request.resume();
        return;
      case 'cut-request':
        await cutAfter(request, fault.afterBytes);
        return;
      case 'delay':
        await sleep(fault.ms);
        break;
      default:
    }
    const answer = await this.#forward(request, body, fault?.kind === 'ask' ? fault.url(seen.url) : seen.url);
    seen.status = answer.statusCode ?? 0;
    if (fault?.kind === 'rewrite') {
      const text = fault.body((await read(answer)).toString(), seen);
      const { 'content-length': _, ...headers } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, headers).end(text);
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    let passed = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      const piece = fault?.kind === 'cut-response' ? chunk.subarray(0, fault.afterBytes - passed) : chunk;
      passed += piece.length;
      if (!response.write(piece)) await once(response, 'drain');
      if (piece.length === chunk.length) continue;
      // What was written has to be on its way before the cut, or the client sees nothing of it.
      await sleep(20);
      request.socket.destroy();
      return;
    }
    response.end();
  }

  async #forward(request: IncomingMessage, body: Buffer | null, path: string): Promise<IncomingMessage> {
    const { hostname, port } = this.target;
    // That it may send the body was answered here.
    const { expect: _, ...headers } = request.headers;
    const forwarded = send({ hostname, port, method: request.method, path, headers });
    const answered = once(forwarded, 'response') as Promise<[IncomingMessage]>;
    if (body !== null) forwarded.end(body);
    else request.pipe(forwarded);
    request.on('close', () => {
      if (!request.complete) forwarded.destroy();
    });
    return (await answered)[0];
  }
}

const isForm = (request: IncomingMessage) => (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');

async function read(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function cutAfter(request: IncomingMessage, bytes: number): Promise<void> {
  let came = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    came += chunk.length;
    if (came >= bytes) break;
  }
  request.socket.destroy();
}

function errorXml(code: string, message: string, query: boolean): string {
  const error = `<Error>${query ? '<Type>Sender</Type>' : ''}<Code>${code}</Code><Message>${message}</Message></Error>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${query ? `<ErrorResponse>${error}<RequestId>0</RequestId></ErrorResponse>` : error}`;
}
