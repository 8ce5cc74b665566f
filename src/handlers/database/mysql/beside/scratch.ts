/** Scratch databases: made beside the target, held by a user lock of a session that dies with its process, and dropped whatever happens. */
import { randomUUID } from 'node:crypto';
import type { ConnectionTarget, ScratchUse } from '../../contract.js';
import { mayNotBeside } from '../bookkeeping-tables.js';
import { isScratch, quoted, scratchName } from '../names.js';
import { DENIED, errnoOf } from '../server-failure.js';
import { openSession, purposeName, withSession, type MysqlSession } from '../session.js';
import type { MysqlTarget } from '../url.js';

/** How long a scratch database may take to be dropped after the work was given up, on a server that may answer nothing any more. */
const CLEAN_UP_MS = 15_000;

/** See `DatabaseHandler.withScratch`. */
export async function withScratch<T>(target: MysqlTarget, use: ScratchUse, work: (scratch: ConnectionTarget) => Promise<T>): Promise<T> {
  use.signal.throwIfAborted();
  const name = scratchName(target.database, `${use.id} ${randomUUID()}`);
  const giveUp = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    timer = setTimeout(() => giveUp.abort(), CLEAN_UP_MS);
  };
  use.signal.addEventListener('abort', onAbort, { once: true });
  const patient = target.within(giveUp.signal);
  const holder = await openSession(patient, purposeName('compare'), { serverOnly: true });
  try {
    await dropOrphans(holder, target);
    await hold(holder, name);
    try {
      await createLike(holder, target, name);
      return await work(target.withDatabase(name).within(use.signal));
    } catch (error) {
      // What broke because the work was given up is a symptom.
      use.signal.throwIfAborted();
      throw error;
    } finally {
      const drop = (session: MysqlSession) => session.query(`DROP DATABASE IF EXISTS ${quoted(name)}`);
      // The holder's session may be what broke; nobody else has this name.
      await drop(holder).catch(() => withSession(patient, purposeName('compare'), drop, { serverOnly: true }).catch(() => undefined));
    }
  } finally {
    await holder.close();
    use.signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  }
}

/** An empty database with the character set and collation of the target. @throws FaberError unsupported, with the GRANT that helps */
export async function createLike(session: MysqlSession, target: MysqlTarget, name: string): Promise<void> {
  const [like] = await session.query<{ charset: string; collation: string }>(
    'SELECT default_character_set_name AS charset, default_collation_name AS collation FROM information_schema.schemata WHERE schema_name = ?', [target.database],
  );
  const properties = like ? ` CHARACTER SET ${like.charset} COLLATE ${like.collation}` : '';
  try {
    await session.query(`CREATE DATABASE ${quoted(name)}${properties}`);
  } catch (error) {
    const errno = errnoOf(error);
    throw errno !== null && DENIED.includes(errno) ? mayNotBeside(`create the database ${name}`, target, error) : error;
  }
}

const lockOf = (name: string) => `faber_db.scratch.${name.slice(-10)}`;

async function hold(session: MysqlSession, name: string): Promise<void> {
  // An idle session is what this one is for.
  await session.query('SET SESSION wait_timeout = 604800');
  await session.query('SELECT GET_LOCK(?, 0)', [lockOf(name)]);
}

/** Drops the scratch databases of this target that nobody holds: their users are dead. */
async function dropOrphans(session: MysqlSession, target: MysqlTarget): Promise<void> {
  const rows = await session.query<{ name: string }>('SELECT schema_name AS name FROM information_schema.schemata');
  for (const { name } of rows.filter((row) => isScratch(target.database, row.name))) {
    // Whoever is about to hold it has another name.
    const [lock] = await session.query<{ got: number | null }>('SELECT GET_LOCK(?, 0) AS got', [lockOf(name)]);
    if (Number(lock?.got) !== 1) continue;
    await session.query(`DROP DATABASE IF EXISTS ${quoted(name)}`).catch(() => undefined);
    await session.query('SELECT RELEASE_LOCK(?)', [lockOf(name)]);
  }
}
