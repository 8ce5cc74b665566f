/**
 * Holds SQLite connections, in a process of its own. SQLite runs in whoever calls it: a statement of an hour would stop the worker's
 * heartbeats for an hour, and a thread cannot be ended inside a statement. This process can: SQLite takes back what it had not committed.
 */
import { setImmediate as immediately } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { backup, DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { BUSY_MS, type Answer, type Asked, type OpenMode } from './messages.js';
import { codeName } from './result-codes.js';

const connections = new Map<number, DatabaseSyncInstance>();

/**
 * A statement keeps the file open, also after its connection was closed, until it is collected (ran). Whoever waits for the file to be
 * closed would see us in it, and a write-ahead log would not be written back.
 */
let statements: WeakRef<object>[] = [];
let closed = 0;
let pause: NodeJS.Timeout | undefined;
/** Collecting costs more than a small migration: it is done when nobody asks for anything, or many files are waiting. */
const PAUSE_MS = 20;
const MOST_CLOSED = 40;
declare const gc: (options?: { type: 'minor' }) => void;

async function letGo(): Promise<void> {
  closed = 0;
  gc({ type: 'minor' });
  await immediately();
  statements = statements.filter((statement) => statement.deref() !== undefined);
  if (statements.length === 0) return;
  // What was looked at is kept until this turn is over.
  await immediately();
  gc();
  await immediately();
}

/** Settings of a connection as Prisma's own engine has them; a commit that was told is on the disk. */
function open(file: string, mode: OpenMode): DatabaseSyncInstance {
  const url = pathToFileURL(file);
  url.searchParams.set('mode', { read: 'ro', write: 'rw', create: 'rwc' }[mode]);
  const database = new DatabaseSync(url.href, { timeout: BUSY_MS, enableForeignKeyConstraints: true, enableDoubleQuotedStringLiterals: true, defensive: false, readOnly: mode === 'read' });
  try {
    // Opening reads nothing yet.
    database.exec('PRAGMA synchronous = FULL; SELECT count(*) FROM sqlite_master');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** What a crash left may have to be repaired by a connection that can write. */
const NEEDS_WRITING = ['SQLITE_READONLY', 'SQLITE_CANTOPEN'];

function openOrRepair(file: string, mode: OpenMode): DatabaseSyncInstance {
  try {
    return open(file, mode);
  } catch (error) {
    if (mode !== 'read' || !NEEDS_WRITING.some((code) => codeName(error)?.startsWith(code))) throw error;
    return open(file, 'write');
  }
}

function rowsOf(database: DatabaseSyncInstance, sql: string, parameters: readonly unknown[], typed: boolean) {
  const statement = database.prepare(sql);
  statements.push(new WeakRef(statement));
  const columns = statement.columns().map(({ name, type }) => ({ name, declared: typed ? type : null }));
  if (columns.length === 0) {
    // Its errors have a code, which those of `all` have not.
    statement.run(...parameters);
    return { columns, rows: [] };
  }
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  const rows = statement.all(...parameters) as unknown[][];
  return { columns, rows: rows.map((row) => row.map(plain)) };
}

const plain = (value: unknown) => (typeof value === 'bigint' && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value);

let done = 0;

async function answer(asked: Asked): Promise<Pick<Extract<Answer, { rows: unknown }>, 'columns' | 'rows'>> {
  const nothing = { columns: [], rows: [] };
  done = 0;
  if (asked.kind === 'open') {
    connections.set(asked.connection, openOrRepair(asked.file, asked.mode));
    return nothing;
  }
  const database = connections.get(asked.connection);
  if (database === undefined) throw new Error('the connection is not open');
  if (asked.kind === 'query') return rowsOf(database, asked.sql, asked.parameters, asked.typed);
  if (asked.kind === 'run') for (const statement of asked.statements) {
    database.exec(statement);
    done += 1;
  }
  if (asked.kind === 'copy') await backup(database, asked.file, { rate: -1 });
  if (asked.kind === 'close') {
    connections.delete(asked.connection);
    // A statement that is not collected yet would keep the transaction, and its lock, for longer.
    if (database.isTransaction) database.exec('ROLLBACK');
    database.close();
    closed += 1;
    if (closed >= MOST_CLOSED) await letGo();
  }
  return nothing;
}

process.on('message', (asked: Asked) => {
  clearTimeout(pause);
  const inTransaction = () => connections.get(asked.connection)?.isTransaction ?? false;
  const say = (said: Answer) => {
    process.send?.(said);
    clearTimeout(pause);
    if (closed > 0) pause = setTimeout(() => void letGo(), PAUSE_MS);
  };
  answer(asked).then(
    (found) => say({ id: asked.id, ...found, inTransaction: inTransaction() }),
    (error: unknown) => say({ id: asked.id, failed: { code: codeName(error), message: error instanceof Error ? error.message : String(error), done }, inTransaction: inTransaction() }),
  );
});
// The worker is gone: what was not committed is taken back.
process.on('disconnect', () => process.exit(0));
