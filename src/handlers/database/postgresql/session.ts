/** One session with the server, on one driver connection. */
import type pg from 'pg';
import type { Session, TypedRows } from '../contract.js';
import { messagesOf, openConnection, type Connection } from './connect.js';
import type { PostgresTarget } from './connection-url.js';
import { runScript } from './script.js';
import { serverFailure } from './server-failure.js';

export { CHANGING, READING } from './session-names.js';

/** State of the session between two messages: idle, in a transaction, in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E';

export class PostgresSession implements Session {
  readonly id: number;
  readonly client: pg.Client;
  readonly watchesClient: boolean;
  /** A pooler hides the server's number for a session behind one of its own making, and refuses startup options. */
  readonly behindPooler: boolean;
  readonly optionsRefused: boolean;
  #transactionStatus: TransactionStatus = 'I';

  constructor(
    readonly target: PostgresTarget,
    connection: Connection,
  ) {
    this.id = connection.backendPid;
    this.client = connection.client;
    this.watchesClient = connection.watchesClient;
    this.optionsRefused = connection.optionsRefused;
    this.behindPooler = connection.optionsRefused || (this.client as unknown as { processID: number }).processID !== this.id;
    messagesOf(this.client).on('readyForQuery', (message: { status: TransactionStatus }) => {
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

  /** @throws ScriptError as `query`. */
  async queryTyped(sql: string, parameters: readonly unknown[]): Promise<TypedRows> {
    try {
      const { fields, rows } = await this.client.query<unknown[]>({ text: sql, values: [...parameters], rowMode: 'array' });
      return { columns: fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID })), rows };
    } catch (error) {
      throw await serverFailure(error, { sql, statementIndex: 0 });
    }
  }

  /** Our own statements in one message; the rows of each that returns rows or counts. @throws ScriptError as `query`. */
  async messages(sql: string): Promise<Record<string, unknown>[][]> {
    try {
      const results = (await this.client.query(sql)) as unknown as { rows: Record<string, unknown>[] }[] | { rows: Record<string, unknown>[] };
      return (Array.isArray(results) ? results : [results]).map(({ rows }) => rows);
    } catch (error) {
      throw await serverFailure(error, { sql, statementIndex: null });
    }
  }

  /** Our own statements in one message: the command tags of those that completed, and what ended it early. */
  async counted(sql: string): Promise<{ completed: string[]; error: unknown }> {
    const completed: string[] = [];
    const count = ({ text }: { text: string }) => void completed.push(text);
    const messages = messagesOf(this.client);
    messages.on('commandComplete', count);
    try {
      await this.client.query(sql);
      return { completed, error: null };
    } catch (error) {
      return { completed, error };
    } finally {
      messages.off('commandComplete', count);
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
  return new PostgresSession(target, await openConnection(target, applicationName));
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
