/** The right to change the database: a token in the sidecar that only rises, looked at under the sidecar's write lock. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../../contract/failure.js';
import type { ChangeOptions, Fence } from '../../contract.js';
import type { Connection } from '../connection.js';
import type { SqliteTarget } from '../connection-url.js';
import { isBusy } from '../failure.js';
import { locateThere } from '../locate.js';
import { openFile } from '../open.js';
import { endHolder } from './holder.js';
import { ensureSidecar, immediately, readSidecar, sidecarOf } from './open.js';
import { now } from './tables.js';

type TakeOptions = ChangeOptions & { begins?: boolean };

/**
 * Every changing transaction holds the write lock, so that having it means that none is at work. One that holds it is ended.
 * @throws FaberError fenced_off for an attempt that woke up late; lock_timeout; unsupported
 */
export async function takeFence(target: SqliteTarget, operationId: string, options: TakeOptions): Promise<Fence> {
  options.signal.throwIfAborted();
  await ensureSidecar(target);
  // Before it ends whoever has overtaken it.
  await readSidecar(target, (sidecar) => refuseLate(sidecar, operationId, options));
  const token = await locked(target, options, async () => {
    const ended = await endHolder(await holderIn(target));
    options.onWait?.(ended ? 'Ended an earlier holder of the fence' : 'Waiting for the fence: another process changes the database');
  }, async (sidecar) => {
    await refuseLate(sidecar, operationId, options);
    const [row] = await sidecar.query<{ token: number }>('UPDATE fence SET token = token + 1, taken_at = ?, operation_id = ?, attempt_at = ?, holder = NULL RETURNING token', [now(), operationId, options.attemptAt ?? null]);
    await sidecar.query('UPDATE operations SET attempt_at = ? WHERE operation_id = ?', [options.attemptAt ?? null, operationId]);
    return row!.token;
  });
  return { token: String(token), operationId };
}

async function holderIn(target: SqliteTarget): Promise<string | null> {
  const rows = await readSidecar(target, (sidecar) => sidecar.query<{ holder: string | null }>('SELECT holder FROM fence')).catch(() => null);
  return rows?.[0]?.holder ?? null;
}

/** Temporal hands attempts out one after the other, so the time tells which is the later one. */
async function refuseLate(sidecar: Connection, operationId: string, { attemptAt, begins }: TakeOptions): Promise<void> {
  const late = await sidecar.query(
    `SELECT 1 FROM fence WHERE operation_id = ?1 AND attempt_at > ?2
     UNION ALL SELECT 1 FROM operations WHERE operation_id = ?1 AND (attempt_at > ?2 OR (ended_at IS NOT NULL AND NOT ?3))`,
    [operationId, attemptAt ?? null, begins === true ? 1 : 0],
  );
  if (late.length > 0) throw fencedOff();
}

/** Short work on our own rows, under the fence where there is one. @throws FaberError fenced_off, lock_timeout */
export async function fenced<T>(target: SqliteTarget, fence: Fence | null, work: (sidecar: Connection) => Promise<T>): Promise<T> {
  const options = { signal: target.signal ?? new AbortController().signal, lockTimeoutSeconds: 30 };
  return locked(target, options, async () => {}, async (sidecar) => {
    if (fence !== null) await requireToken(sidecar, fence);
    return work(sidecar);
  });
}

async function locked<T>(
  target: SqliteTarget, { signal, lockTimeoutSeconds }: Pick<ChangeOptions, 'signal' | 'lockTimeoutSeconds'>, whenBusy: () => Promise<void>, work: (sidecar: Connection) => Promise<T>,
): Promise<T> {
  const path = sidecarOf((await locateThere(target)).file);
  for (const end = Date.now() + lockTimeoutSeconds * 1000; ; ) {
    signal.throwIfAborted();
    const sidecar = await openFile(path, 'write');
    try {
      return await immediately(sidecar, () => work(sidecar));
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (Date.now() > end) throw held(path, error);
    } finally {
      await sidecar.close();
    }
    await whenBusy();
    await sleep(100 + Math.random() * 200);
  }
}

/** @param sidecar in a transaction that holds the write lock. @throws FaberError fenced_off */
export async function requireToken(sidecar: Connection, fence: Fence): Promise<void> {
  const [row] = await sidecar.query<{ token: number; operation_id: string | null }>('SELECT token, operation_id FROM fence').catch(() => []);
  if (row === undefined || String(row.token) !== fence.token || row.operation_id !== fence.operationId) throw fencedOff();
}

export function fencedOff(): FaberError {
  return new FaberError({
    code: 'fenced_off',
    message: 'Another operation has taken over this database. This step changed nothing.',
    suggestions: ['See which: faber-db status'],
  });
}

function held(path: string, cause: unknown): FaberError {
  return new FaberError({
    code: 'lock_timeout',
    message: `${path} stays locked by another process. Nothing was changed.`,
    suggestions: [`See which process holds it: fuser ${path}`],
  }, { cause });
}
