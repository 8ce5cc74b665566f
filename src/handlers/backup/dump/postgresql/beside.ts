/** An empty database beside the one that serves, to be filled by migrations and put in its place. */
import { FaberError } from '../../../../contract/failure.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import { inMaintenance, inSession } from '../../../database/postgresql/beside/connections.js';
import { carryOver, createLike } from '../../../database/postgresql/beside/create-database.js';
import { mayBeHeld } from './fill.js';
import { readProperties, type DatabaseProperties } from '../../../database/postgresql/beside/properties.js';
import { analyze } from './restore.js';
import { restoreFailure } from './restore-failure.js';
import { keptName, sideName } from '../../../database/postgresql/beside/side-names.js';
import { databaseStates } from '../../../database/postgresql/beside/states.js';

/**
 * Idempotent by `operationId`: what an earlier attempt left is dropped first.
 * @returns null when the exchange of this operation has happened already: there is nothing to fill any more
 * @throws FaberError restore_failed
 */
export async function createBeside(database: DatabaseHandler, target: ConnectionTarget, operationId: string, signal: AbortSignal): Promise<ConnectionTarget | null> {
  const side = sideName(target.database, operationId);
  try {
    return await inMaintenance(database, target, 'restore', async (session) => {
      if ((await databaseStates(session, [keptName(target.database, operationId)])).size > 0) return null;
      await createLike(session, side, propertiesOf(target, await readProperties(session, target.database, await mayBeHeld(database, target))));
      return target.withDatabase(side);
    });
  } catch (error) {
    throw restoreFailure(error, 'restore_failed', `No database could be created beside ${target.database}`, target, signal);
  }
}

/** See `BackupHandler.keptBy`. */
export async function keptBy(database: DatabaseHandler, target: ConnectionTarget, operationId: string): Promise<string | null> {
  const kept = keptName(target.database, operationId);
  return inMaintenance(database, target, 'restore', async (session) => ((await databaseStates(session, [kept])).has(kept) ? kept : null));
}

/** Statistics, and what belongs to a database and not to anything in it. @returns what could not be carried over, in words */
export async function finishBeside(database: DatabaseHandler, target: ConnectionTarget, operationId: string, signal: AbortSignal): Promise<string[]> {
  const side = sideName(target.database, operationId);
  try {
    await inSession(database, target.withDatabase(side), 'restore', analyze);
    return await inMaintenance(database, target, 'restore', async (session) => {
      const properties = propertiesOf(target, await readProperties(session, target.database, await mayBeHeld(database, target)));
      return (await carryOver(session, side, properties)).failed;
    });
  } catch (error) {
    throw restoreFailure(error, 'restore_failed', `The database beside ${target.database} could not be finished`, target, signal);
  }
}

function propertiesOf(target: ConnectionTarget, properties: DatabaseProperties | null): DatabaseProperties {
  if (properties !== null) return properties;
  throw new FaberError({ code: 'restore_failed', message: `The database ${target.database} is not there any more`, result: { reason: 'the database is missing' } });
}
