/** One generation a project at a time: two would write the same change twice. */
import { FaberError } from '../../../../contract/failure.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';

const WAIT_MS = 300_000;

/** @throws FaberError lock_timeout */
export async function oneAtATime<T extends object>(database: DatabaseHandler, target: ConnectionTarget, folder: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const done = await database.oneAtATime(target, folder, { signal, waitMs: WAIT_MS }, work);
  if (done !== null) return done;
  throw new FaberError({
    code: 'lock_timeout',
    message: `Waited ${WAIT_MS / 1000} s for another operation that generates a migration in ${folder}. Nothing was written.`,
    suggestions: ['faber-db list shows what runs'],
  });
}
