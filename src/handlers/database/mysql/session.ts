/** One session with the server, on one driver connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type FieldPacket } from 'mysql2/promise';
import { ScriptError, type Session, type TypedRows } from '../contract.js';
import { connectionFailure, TOO_MANY_CONNECTIONS } from './connection-failure.js';
import { serverFailure } from './server-failure.js';
import type { MysqlTarget } from './url.js';

/** Waited for: a pool gives its connections back within milliseconds, or keeps them for good. */
const PATIENCE_MS = 1_000;
const PAUSE_MS = 100;

export const purposeName = (purpose: string) => `faber-db ${purpose}`;
export const readingName = (what: string) => `faber-db-read ${what}`;

export class MysqlSession implements Session {
  readonly id: number;

  constructor(readonly target: MysqlTarget, readonly connection: Connection) {
    this.id = connection.threadId;
  }

  /** @throws ScriptError with SQLSTATE, error number and a masked message. */
  async query<Row = Record<string, unknown>>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const [rows] = await this.#send(sql, parameters);
    return Array.isArray(rows) ? (rows as Row[]) : [];
  }

  /** Rows that one statement changed, as the server counts them. @throws ScriptError as `query`. */
  async run(sql: string, parameters: readonly unknown[] = []): Promise<number> {
    const [result] = await this.#send(sql, parameters);
    return Array.isArray(result) ? 0 : ((result as { affectedRows?: number }).affectedRows ?? 0);
  }

  /** @throws ScriptError as `query`. */
  async queryTyped(sql: string, parameters: readonly unknown[]): Promise<TypedRows> {
    try {
      const [rows, fields] = (await this.connection.query({ sql, values: [...parameters], rowsAsArray: true })) as unknown as [unknown[][], FieldPacket[]];
      return { columns: (fields ?? []).map(({ name, columnType }) => ({ name, type: columnType ?? 0 })), rows };
    } catch (error) {
      throw serverFailure(error, sql);
    }
  }

  /** One statement of a script; MySQL gets each in a message of its own. @throws ScriptError */
  async script(sql: string): Promise<void> {
    await this.#send(sql, []);
  }

  async close(): Promise<void> {
    await this.connection.end().catch(() => {});
  }

  /** Drops the socket without a word to the server. */
  abandon(): void {
    this.connection.destroy();
  }

  /** With values by the protocol of prepared statements, since how a literal is escaped depends on the session's sql_mode. */
  async #send(sql: string, parameters: readonly unknown[]): Promise<[unknown, unknown]> {
    try {
      if (parameters.length === 0) return (await this.connection.query(sql)) as [unknown, unknown];
      return (await this.connection.execute(sql, parameters.map((value) => (value === undefined ? null : value)) as never)) as [unknown, unknown];
    } catch (error) {
      throw serverFailure(error, sql);
    }
  }
}

export interface OpenOptions {
  /** Without a database: the one of the URL may not be there. */
  serverOnly?: boolean;
}

/** @throws FaberError health_check_failed */
export async function openSession(target: MysqlTarget, programName: string, { serverOnly = false }: OpenOptions = {}): Promise<MysqlSession> {
  target.signal?.throwIfAborted();
  const begun = performance.now();
  for (;;) {
    try {
      const connection = await mysql.createConnection(target.clientOptions(programName, !serverOnly));
      // A session that the server ends while idle emits this; the next query tells it.
      connection.on('error', () => {});
      if (target.signal) breakOffAt(target.signal, connection);
      const session = new MysqlSession(target, connection);
      await prepare(session);
      return session;
    } catch (error) {
      const full = TOO_MANY_CONNECTIONS.includes((error as { errno?: number }).errno ?? 0);
      if (!full || performance.now() - begun > PATIENCE_MS) throw connectionFailure(target, error);
      await sleep(PAUSE_MS);
    }
  }
}

/** An init_connect of the server may have left it otherwise, and an open transaction would hold what each query took. */
async function prepare(session: MysqlSession): Promise<void> {
  try {
    await session.connection.query('SET SESSION autocommit = 1');
  } catch (error) {
    session.abandon();
    throw error;
  }
}

function breakOffAt(signal: AbortSignal, connection: Connection): void {
  const breakOff = () => connection.destroy();
  signal.addEventListener('abort', breakOff, { once: true });
  connection.on('end', () => signal.removeEventListener('abort', breakOff));
}

/** Runs `work` on a session of its own and closes it whatever happens. */
export async function withSession<T>(target: MysqlTarget, programName: string, work: (session: MysqlSession) => Promise<T>, options?: OpenOptions): Promise<T> {
  const session = await openSession(target, programName, options);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** Runs `work` in one transaction; an error rolls back. @throws ScriptError; `connectionLost`: whether it was committed is unknown */
export async function inPlainTransaction<T>(session: MysqlSession, work: () => Promise<T>): Promise<T> {
  await session.query('START TRANSACTION READ WRITE');
  try {
    const result = await work();
    await session.query('COMMIT');
    return result;
  } catch (error) {
    if (!(error instanceof ScriptError && error.failure.connectionLost)) await session.query('ROLLBACK').catch(() => {});
    throw error;
  }
}
