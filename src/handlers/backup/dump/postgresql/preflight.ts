/** Whether a backup can be taken and restored, asked when a plan is made and not when it is too late. */
import { FaberError } from '../../../../contract/failure.js';
import type { Settings } from '../../../../contract/settings.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import { levelFor, type Store } from '../../contract.js';
import { chooseCompression } from '../compression.js';
import { inSession } from '../../../database/postgresql/beside/connections.js';
import { readable } from '../free-space.js';
import { databaseBytes, freeServerBytes } from './free-space.js';
import { findPrograms } from './programs.js';

/** A packed dump was a quarter of its database (measured). Below a tenth none will fit; up to the whole it may not. */
const SURELY_TOO_SMALL = 0.1;

/** @throws FaberError unsupported, backup_failed. */
export async function preflight(database: DatabaseHandler, target: ConnectionTarget, settings: Settings, store: Store): Promise<{ findings: string[] }> {
  const findings: string[] = [];
  const identity = await database.identify(target);
  const programs = await findPrograms(identity.serverMajor);
  if (programs.major !== identity.serverMajor) {
    findings.push(`The dump is made by PostgreSQL ${programs.major}'s pg_dump: no ${identity.serverMajor} was found`);
  }
  const compression = await chooseCompression(settings.backup.compression);
  if (compression !== 'zstd') findings.push(`The dump is packed by ${compression}: zstd is not installed or not chosen`);
  await inSession(database, target, 'preflight', async (session) => {
    const size = (await databaseBytes(session, target.database)) ?? 0;
    const room = await store.freeBytes();
    if (room !== null && room < size * SURELY_TOO_SMALL) {
      throw failed(`${store.location} has ${readable(room)} free, and the database has ${readable(size)}`, 'Free disk space, or point backup.location at a larger disk');
    }
    if (room !== null && room < size) findings.push(`${store.location} has ${readable(room)} free for a dump of ${readable(size)} of data`);
    if (levelFor(settings, size) === 'checked') {
      if (settings.backup.verify === 'proven') findings.push(`The database has ${readable(size)}, more than backup.max_database_size: its backup is checked, not proven`);
      return;
    }
    const [role] = await session.query<{ may: boolean }>('SELECT rolcreatedb OR rolsuper AS may FROM pg_roles WHERE rolname = current_user');
    if (!role?.may) throw failed('the role may not create the scratch database that proves a backup', 'ALTER ROLE … CREATEDB, or set backup.verify to checked');
    const free = await freeServerBytes(session, target);
    if (free !== null && free < size) throw failed(`the server has ${readable(free)} free, and proving the backup needs about ${readable(size)}`, 'Free disk space on the server');
  });
  return { findings };
}

function failed(reason: string, suggestion: string): FaberError {
  return new FaberError({ code: 'backup_failed', message: `No backup can be taken: ${reason}. Nothing was changed`, result: { backup_error: reason }, suggestions: [suggestion] });
}
