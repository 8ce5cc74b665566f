/** Opens connections to a target, and closes them. */
import { FaberError } from '../../../contract/failure.js';
import { ScriptError } from '../contract.js';
import { Connection } from './connection.js';
import type { SqliteTarget } from './connection-url.js';
import { codeOf, isBusy, scriptError, unreachable } from './failure.js';
import { locateThere } from './locate.js';
import type { OpenMode } from './process/messages.js';
import { borrow, giveBack } from './process/pool.js';
import type { SqliteProcess } from './process/process.js';

/** The database of a target. @throws FaberError health_check_failed; the reason of the signal */
export async function openTarget(target: SqliteTarget, mode: Exclude<OpenMode, 'create'>): Promise<Connection> {
  const { file } = await locateThere(target);
  return openFile(file, mode, target.signal);
}

/**
 * A file by its path, in a process that is given back when the connection is closed, or ended with the signal.
 * @throws FaberError health_check_failed when it cannot be opened, or is no database
 */
export async function openFile(file: string, mode: OpenMode, signal?: AbortSignal): Promise<Connection> {
  signal?.throwIfAborted();
  const process = borrow();
  const end = () => void process.kill();
  signal?.addEventListener('abort', end, { once: true });
  const release = async () => {
    signal?.removeEventListener('abort', end);
    giveBack(process);
  };
  try {
    return await openIn(process, file, mode, release);
  } catch (error) {
    // A file that could not be used may stay open in it.
    await process.kill();
    signal?.removeEventListener('abort', end);
    signal?.throwIfAborted();
    throw error instanceof ScriptError ? cannotUse(file, error) : error;
  }
}

/** In a process that the caller has. @throws FaberError health_check_failed; ScriptError while another holds the file */
export async function openIn(process: SqliteProcess, file: string, mode: OpenMode, onClose?: () => Promise<void>): Promise<Connection> {
  return Connection.open(process, file, mode, onClose).catch((error: unknown) => {
    throw cannotOpen(file, error);
  });
}

/** Runs `work` on a connection and closes it, whatever happens. */
export async function withTarget<T>(target: SqliteTarget, mode: Exclude<OpenMode, 'create'>, work: (connection: Connection) => Promise<T>): Promise<T> {
  return closing(await openTarget(target, mode), work);
}

export async function withFile<T>(file: string, mode: OpenMode, work: (connection: Connection) => Promise<T>, signal?: AbortSignal): Promise<T> {
  return closing(await openFile(file, mode, signal), work);
}

async function closing<T>(connection: Connection, work: (connection: Connection) => Promise<T>): Promise<T> {
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** All reads of `work` see one and the same state. */
export async function inSnapshot<T>(target: SqliteTarget, work: (connection: Connection) => Promise<T>): Promise<T> {
  return withTarget(target, 'read', async (connection) => {
    await connection.query('BEGIN');
    return work(connection);
  });
}

const REASONS: Record<string, string> = {
  SQLITE_NOTADB: 'the file is no SQLite database (or an encrypted one)',
  SQLITE_CORRUPT: 'the file is damaged',
  SQLITE_CANTOPEN: 'the file cannot be opened: look at the rights of the file and its folder',
  SQLITE_READONLY: 'the file or its folder is read-only for the worker',
  SQLITE_BUSY: 'another process holds it exclusively',
  SQLITE_BUSY_RECOVERY: 'another process repairs it after a crash',
  SQLITE_LOCKED: 'another process holds it exclusively',
};

function cannotOpen(file: string, cause: unknown): Error {
  const error = scriptError(cause);
  if (!(error instanceof ScriptError) || error.failure.connectionLost) return error;
  return isBusy(cause) ? error : cannotUse(file, error);
}

function cannotUse(file: string, error: ScriptError): FaberError {
  const code = codeOf(error);
  const details = `${REASONS[code] ?? error.message} (${code || 'no code'})`;
  return unreachable(`The database ${file} cannot be used`, details, ['See which processes have it open (fuser), and the rights of the file and its folder'], error);
}

/** The file is there, and is none that SQLite can use. */
export function isDamaged(error: unknown): boolean {
  return error instanceof FaberError && error.code === 'health_check_failed' && /SQLITE_(NOTADB|CORRUPT)/.test(error.message);
}
