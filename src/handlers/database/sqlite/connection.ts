/** One connection to one file, held by a process of ours. */
import type { Session, TypedRows } from '../contract.js';
import { parseScript } from '../../migration/script/sqlite/parse.js';
import { scriptError, type Place } from './failure.js';
import type { OpenMode } from './process/messages.js';
import type { SqliteProcess } from './process/process.js';

/** A statement of a script, with its place there. */
export type Piece = Place;

export class Connection implements Session {
  #inTransaction = false;

  private constructor(readonly process: SqliteProcess, readonly file: string, private readonly connection: number, private readonly onClose: () => Promise<void>) {}

  /** @param onClose what else ends with it. @throws Refused, Gone */
  static async open(process: SqliteProcess, file: string, mode: OpenMode, onClose: () => Promise<void> = async () => {}): Promise<Connection> {
    const connection = process.newConnection();
    await process.ask({ kind: 'open', connection, file, mode });
    return new Connection(process, file, connection, onClose);
  }

  get id(): number {
    return this.process.pid;
  }

  /** As of the last answer. */
  get inTransaction(): boolean {
    return this.#inTransaction;
  }

  async query<Row = Record<string, unknown>>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const { columns, rows } = await this.#ask({ kind: 'query', connection: this.connection, sql, parameters, typed: false });
    return rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]]))) as Row[];
  }

  /** The number of a column's type is its place in `DECLARED`. */
  async queryTyped(sql: string, parameters: readonly unknown[]): Promise<TypedRows> {
    const { columns, rows } = await this.#ask({ kind: 'query', connection: this.connection, sql, parameters, typed: true });
    return { columns: columns.map(({ name, declared }, index) => ({ name, type: typeNumber(declared, rows.find((row) => row[index] !== null)?.[index]) })), rows };
  }

  async script(sql: string): Promise<void> {
    const { statements, text } = parseScript(Buffer.from(sql));
    await this.run(statements.map(({ start, end, line }, statementIndex) => ({ line, statementIndex, text: text.slice(start, end) })));
  }

  /** @throws ScriptError that tells the place of the statement that failed */
  async run(pieces: readonly Piece[]): Promise<void> {
    await this.#ask({ kind: 'run', connection: this.connection, statements: pieces.map(({ text }) => text) }, (done) => pieces[done] ?? null);
  }

  /** Copies all pages of one snapshot. @throws ScriptError */
  async copyTo(file: string): Promise<void> {
    await this.#ask({ kind: 'copy', connection: this.connection, file });
  }

  async close(): Promise<void> {
    await this.process.ask({ kind: 'close', connection: this.connection }).catch(() => this.process.kill());
    await this.onClose();
  }

  async #ask(request: Parameters<SqliteProcess['ask']>[0], placeOf?: (done: number) => Place | null) {
    try {
      const answer = await this.process.ask(request);
      this.#inTransaction = answer.inTransaction;
      return answer;
    } catch (error) {
      throw scriptError(error, placeOf);
    }
  }
}

/** Kinds of values, as `queryTyped` tells them. */
export const VALUE_TYPES = { text: 1, integer: 2, real: 3, blob: 4, boolean: 5, datetime: 6 } as const;

function typeNumber(declared: string | null, value: unknown): number {
  const type = declared?.toUpperCase() ?? '';
  if (type.includes('DATE') || type.includes('TIMESTAMP')) return VALUE_TYPES.datetime;
  if (type.includes('BOOL')) return VALUE_TYPES.boolean;
  if (typeof value === 'bigint' || Number.isInteger(value)) return VALUE_TYPES.integer;
  if (typeof value === 'number') return VALUE_TYPES.real;
  return value instanceof Uint8Array ? VALUE_TYPES.blob : VALUE_TYPES.text;
}
