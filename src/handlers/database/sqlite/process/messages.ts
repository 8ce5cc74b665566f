/** What a worker and a process that holds SQLite connections say to each other, over the channel that Node gives a child. */

/** read: as long as nothing has to be repaired first. write: of a file that is there. create: also of one that is not. */
export type OpenMode = 'read' | 'write' | 'create';

/** How long SQLite itself waits for a lock, each time (milliseconds). */
export const BUSY_MS = 1_500;

export type Request =
  | { kind: 'open'; connection: number; file: string; mode: OpenMode }
  | { kind: 'close'; connection: number }
  | { kind: 'query'; connection: number; sql: string; parameters: readonly unknown[]; typed: boolean }
  /** Statements one after the other, without results. */
  | { kind: 'run'; connection: number; statements: readonly string[] }
  /** A copy of all pages as they are in one snapshot, into a file that is not there. */
  | { kind: 'copy'; connection: number; file: string };

export type Asked = Request & { id: number };

export interface ColumnOfRows { name: string; declared: string | null }

export type Answer =
  | { id: number; columns: ColumnOfRows[]; rows: unknown[][]; inTransaction: boolean }
  | { id: number; failed: ProcessFailure; inTransaction: boolean };

export interface ProcessFailure {
  /** Name of SQLite's extended result code, such as SQLITE_CONSTRAINT_UNIQUE; null for an error that is not SQLite's. */
  code: string | null;
  message: string;
  /** How many statements of a `run` were done before. */
  done: number;
}
