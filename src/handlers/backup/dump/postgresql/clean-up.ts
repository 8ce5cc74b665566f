/** Removes what an operation made beside the target. The replaced database is never touched. */
import pg from 'pg';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import { inMaintenance } from '../../../database/postgresql/beside/connections.js';
import { dropDatabase } from '../../../database/postgresql/beside/create-database.js';
import { keptName, scratchName, sideName } from '../../../database/postgresql/beside/side-names.js';
import { databaseStates } from '../../../database/postgresql/beside/states.js';

/**
 * Drops side and scratch databases of the operation, and lets connections in again where a swap that will not be finished
 * had shut them out. Idempotent.
 */
export async function cleanUp(database: DatabaseHandler, target: ConnectionTarget, operationId: string): Promise<void> {
  const side = sideName(target.database, operationId);
  const kept = keptName(target.database, operationId);
  await inMaintenance(database, target, 'clean-up', async (session) => {
    const states = await databaseStates(session, [target.database, side, kept]);
    // With the database moved away and the side not in its place, the side is all there is to serve: swap() must finish.
    if (states.has(kept) && !states.has(target.database)) return;
    // Only our own swap: someone else may have closed the database on purpose.
    if (states.has(side) && states.get(target.database)?.open === false) {
      await session.query(`ALTER DATABASE ${pg.escapeIdentifier(target.database)} ALLOW_CONNECTIONS true`);
    }
    await dropDatabase(session, side);
    await dropDatabase(session, scratchName(target.database, operationId));
  });
}
