/**
 * One fenced transaction. The fence is in another file than the change, and two files are not committed as one: so the step is
 * written first, with a query that tells by the tool's ledger whether it happened; then the fence's file is locked until the change has
 * ended; then the step is confirmed. After a crash in between the ledger decides (see sidecar/bookkeeping.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type ChangeOptions, type DatabaseHandler, type Fence, type Session } from '../contract.js';
import type { Connection } from './connection.js';
import type { SqliteTarget } from './connection-url.js';
import { underDeadline } from './deadline.js';
import { isBusy, plainError } from './failure.js';
import { refuseNewViolations, violations } from './foreign-keys.js';
import { locateThere } from './locate.js';
import { openIn } from './open.js';
import { isOneCommit, positionOf, positionText, type Position } from './position.js';
import { borrow, giveBack } from './process/pool.js';
import type { SqliteProcess } from './process/process.js';
import { inodeOf, stamp } from './quiet.js';
import { fencedOff, requireToken } from './sidecar/fence.js';
import { holderText } from './sidecar/holder.js';
import { immediately, sidecarOf } from './sidecar/open.js';
import { now } from './sidecar/tables.js';

export type TransactionOptions = Parameters<DatabaseHandler['inTransaction']>[2];
type Work = (session: Session, opened: Record<string, unknown>[]) => Promise<void>;
type Part = (session: Session) => Promise<void>;

/** See `DatabaseHandler.inTransaction`. */
export async function inTransaction(target: SqliteTarget, fence: Fence, options: TransactionOptions, work: Work, record?: Part): Promise<void> {
  await untilFree(options, (process, progress) => change(process, target, fence, options, progress, async (database, before) => {
    const opened = options.opening === undefined ? [] : await database.query(options.opening);
    await work(database, opened);
    if (!database.inTransaction) throw plainError('SQLITE_MISUSE', 'the script ended the transaction by itself; what it committed before stays, the rest was rolled back');
    if (options.closing !== undefined) await database.query(options.closing);
    await record?.(database);
    if (before !== null) await refuseNewViolations(database, before);
  }));
}

/** Tries again while somebody else holds the database, until `lockTimeoutSeconds` is spent: SQLite itself waits for each try a moment only. */
export async function untilFree(options: ChangeOptions, attempt: (process: SqliteProcess, progress: { committing: boolean }) => Promise<void>): Promise<void> {
  const begun = performance.now();
  for (;;) {
    const process = borrow();
    try {
      return await underDeadline(process, options, (progress) => attempt(process, progress));
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() - begun >= options.lockTimeoutSeconds * 1000) throw lockTimeout(error as Error, options);
    } finally {
      giveBack(process);
    }
    options.onWait?.('The database is locked by another process; trying again');
    await sleep(200 + Math.random() * 500, undefined, { signal: options.signal }).catch(() => options.signal.throwIfAborted());
  }
}

async function change(
  process: SqliteProcess, target: SqliteTarget, fence: Fence, options: TransactionOptions, progress: { committing: boolean }, work: (database: Connection, before: ReadonlyMap<string, number> | null) => Promise<void>,
): Promise<void> {
  const { file } = await locateThere(target);
  await underFence(process, file, fence, options.step ?? null, async ({ stillOurs, confirm }) => {
    const database = await openIn(process, file, 'write');
    try {
      if (options.withoutForeignKeys) await database.query('PRAGMA foreign_keys = OFF');
      await database.query('BEGIN IMMEDIATE');
      const before = options.withoutForeignKeys ? await violations(database) : null;
      const from = await positionOf(file);
      await work(database, before);
      await stillOurs();
      progress.committing = true;
      await database.query('COMMIT');
      progress.committing = false;
      await confirm(from);
    } catch (error) {
      if (database.inTransaction) await database.query('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      await database.close();
    }
  });
}

type Step = NonNullable<TransactionOptions['step']>;

export interface Held {
  sidecar: Connection;
  /** Right before the change is committed: the sidecar that is locked is still the one beside the database. @throws FaberError fenced_off */
  stillOurs: () => Promise<void>;
  /** The change is committed. Never throws: what cannot be confirmed any more is told by its proof. */
  confirm: (from: Position | null) => Promise<void>;
}

/** Holds the fence while `work` runs. @throws FaberError fenced_off */
export async function underFence(process: SqliteProcess, file: string, fence: Fence, step: Step | null, work: (held: Held) => Promise<void>): Promise<void> {
  const sidecar = await openIn(process, sidecarOf(file), 'write').catch((error: unknown) => {
    throw error instanceof FaberError ? fencedOff() : error;
  });
  try {
    const holder = await holderText(process.pid);
    const id = await immediately(sidecar, async () => {
      await requireToken(sidecar, fence);
      await sidecar.query('UPDATE fence SET holder = ?', [holder]);
      return step === null ? null : intend(sidecar, fence, step);
    });
    await sidecar.query('BEGIN IMMEDIATE');
    await requireToken(sidecar, fence);
    const inode = await inodeOf(sidecarOf(file));
    const stillOurs = async () => {
      if ((await inodeOf(sidecarOf(file)).catch(() => null)) !== inode) throw fencedOff();
    };
    try {
      await work({ sidecar, stillOurs, confirm: (from) => confirmed(sidecar, file, fence, id, from).catch(() => undefined) });
    } catch (error) {
      // What did not happen is not intended any more; after a crash its proof says so.
      if (id !== null && !(error instanceof ScriptError && error.failure.connectionLost)) await sidecar.query('DELETE FROM steps WHERE id = ?', [id]).catch(() => undefined);
      if (sidecar.inTransaction) await sidecar.query('COMMIT').catch(() => undefined);
      throw error;
    }
  } finally {
    await sidecar.close();
  }
}

async function intend(sidecar: Connection, fence: Fence, { migration, action, ledgerId, proof }: Step): Promise<number> {
  const [row] = await sidecar.query<{ id: number }>('INSERT INTO steps (operation_id, migration, action, ledger_id, at, proof) VALUES (?, ?, ?, ?, ?, ?) RETURNING id', [
    // Without a query that tells, only the confirmation does.
    fence.operationId, migration, action, ledgerId, now(), proof ?? 'SELECT 1 WHERE 0',
  ]);
  return row!.id;
}

/** The change is committed: its step stands, and the writes from here to there are known as own, where that is certain. */
async function confirmed(sidecar: Connection, file: string, fence: Fence, id: number | null, from: Position | null): Promise<void> {
  const after = await positionOf(file);
  const inode = await inodeOf(file);
  const own = isOneCommit(from, after);
  const position = own ? stamp(positionText(after)!, inode) : null;
  if (id !== null) await sidecar.query('UPDATE steps SET proof = NULL, position = ?, at = ? WHERE id = ?', [position, now(), id]);
  if (own) await sidecar.query('INSERT INTO own_writes (operation_id, before, after) VALUES (?, ?, ?)', [fence.operationId, stamp(positionText(from)!, inode), position]);
  await sidecar.query('COMMIT');
}

function lockTimeout(cause: Error, options: ChangeOptions): FaberError {
  return new FaberError({
    code: 'lock_timeout',
    message: `The database stayed locked by another process for ${options.lockTimeoutSeconds} seconds. The transaction was rolled back each time; nothing of it was changed.`,
    result: { sql_state: cause instanceof ScriptError ? cause.failure.sqlState : null },
    suggestions: ['End the long transaction that holds the lock (fuser tells which processes have the file open), or raise migrations.lock_timeout_seconds, and start again.'],
  }, { cause });
}
