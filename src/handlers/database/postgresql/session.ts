/** One session with the server, on one driver connection. */
import type pg from 'pg';
import type { Session } from '../contract.js';
import { messagesOf, openConnection } from './connect.js';
import type { PostgresTarget } from './connection-url.js';
import { runScript } from './script.js';
import { serverFailure } from './server-failure.js';

export { CHANGING, READING } from './session-names.js';

/** State of the session between two messages: idle, in a transaction, in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E';

export class PostgresSession implements Session {
  readonly id: number;
  #transactionStatus: TransactionStatus = 'I';

  constructor(
    readonly client: pg.Client,
    readonly target: PostgresTarget,
    /** The server's own number for this session, which a pooler in between would hide. */
    backendPid: number,
    readonly behindPooler: boolean,
  ) {
    this.id = backendPid;
    messagesOf(client).on('readyForQuery', (message: { status: TransactionStatus }) => {
      this.#transactionStatus = message.status;
    });
  }

  get transactionStatus(): TransactionStatus {
    return this.#transactionStatus;
  }

  /** @throws ScriptError with the SQLSTATE and a masked message. */
  async query<Row = Record<string, unknown>>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    try {
      const { rows } = await this.client.query({ text: sql, values: [...parameters] });
      return rows as Row[];
    } catch (error) {
      throw await serverFailure(error, { sql, statementIndex: 0 });
    }
  }

  async script(sql: string): Promise<void> {
    await runScript(this.client, sql);
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => {});
  }

  /** Drops the socket without a word to the server: for a network that hangs. What runs fails as a lost connection. */
  abandon(): void {
    messagesOf(this.client).stream.destroy();
  }
}

/**
 * Opens a session that shows as `applicationName` (63 bytes at most) in the server's list.
 * @throws FaberError health_check_failed.
 */
export async function openSession(target: PostgresTarget, applicationName: string): Promise<PostgresSession> {
  const { client, optionsRefused } = await openConnection(target, applicationName);
  const { rows } = await client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
  const pid = rows[0]!.pid;
  // A pooler answers with a key of its own making in the place of the server's.
  const hidden = (client as unknown as { processID: number }).processID !== pid;
  return new PostgresSession(client, target, pid, optionsRefused || hidden);
}

/** Runs `work` on a session of its own and closes it whatever happens. */
export async function withSession<T>(target: PostgresTarget, applicationName: string, work: (session: PostgresSession) => Promise<T>): Promise<T> {
  const session = await openSession(target, applicationName);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
