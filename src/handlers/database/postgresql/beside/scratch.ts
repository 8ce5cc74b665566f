/**
 * Scratch databases: made beside the target, and never left. Whoever uses one holds a shared advisory lock that follows from
 * its name, on a session that stays open meanwhile. With the process the session goes, and with it the lock: what nobody holds
 * is an orphan, and the next user of scratch databases drops it.
 */
import { randomUUID } from 'node:crypto';
import { FaberError } from '../../../../contract/failure.js';
import type { ConnectionTarget, DatabaseHandler, ScratchUse, Session } from '../../contract.js';
import { inMaintenance, openMaintenance } from './connections.js';
import { carryOver, createLike, dropDatabase } from './create-database.js';
import { readProperties } from './properties.js';
import { scratchName } from './side-names.js';

/** `fabs` in ASCII: the first key of the locks. */
const LOCK_CLASS = 0x66616273;
const SCRATCH_NAME = /^faber_db_scratch_[0-9a-f]{10}$/;

/** How long dropping may take once the work was given up, on a server that may answer nothing any more. */
const CLEAN_UP_MS = 15_000;

/** See `DatabaseHandler.withScratch`. */
export async function withScratch<T>(database: DatabaseHandler, target: ConnectionTarget, use: ScratchUse, work: (scratch: ConnectionTarget) => Promise<T>): Promise<T> {
  use.signal.throwIfAborted();
  const name = scratchName(target.database, `${use.id} ${randomUUID()}`);
  const giveUp = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    timer = setTimeout(() => giveUp.abort(), CLEAN_UP_MS);
  };
  use.signal.addEventListener('abort', onAbort, { once: true });
  const patient = target.within(giveUp.signal);
  const holder = await openMaintenance(database, patient, 'compare');
  try {
    await dropOrphans(holder);
    await hold(holder, name);
    try {
      await create(holder, name, target, use.id);
      return await work(target.withDatabase(name).within(use.signal));
    } catch (error) {
      // What broke because the work was given up is a symptom.
      use.signal.throwIfAborted();
      throw error;
    } finally {
      // The holder's session may be what broke; nobody else has this name.
      await dropDatabase(holder, name).catch(() => inMaintenance(database, patient, 'compare', (session) => dropDatabase(session, name)).catch(() => undefined));
    }
  } finally {
    await holder.close();
    use.signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  }
}

/**
 * With locale and settings of the target (a search_path decides where scripts put things), owned by the role itself: no other
 * may be needed to drop it. The comment is for whoever finds it while it is in use.
 */
async function create(session: Session, name: string, target: ConnectionTarget, id: string): Promise<void> {
  const [me] = await session.query<{ name: string }>('SELECT current_user::text AS name');
  const like = await readProperties(session, target.database, true);
  if (like === null) throw nothingLike(target);
  await createLike(session, name, { ...like, owner: me!.name, tablespace: 'pg_default' });
  const settings = like.settings.filter(({ role }) => role === null || role === me!.name);
  await carryOver(session, name, { ...like, settings, grants: null, connection_limit: -1, comment: `Scratch database of faber-db, used by ${id}` });
}

function nothingLike(target: ConnectionTarget): FaberError {
  return new FaberError({
    code: 'health_check_failed',
    message: `The database ${target.describe()} is not there, and a scratch database is made after it`,
    suggestions: [`Create the database ${target.database} (it may be empty), or name an environment whose database is there`],
  });
}

/** Runs `work` while a session says that the scratch database of this name is in use: nobody takes it for an orphan. */
export async function whileHeld<T>(database: DatabaseHandler, target: ConnectionTarget, name: string, work: () => Promise<T>): Promise<T> {
  const holder = await openMaintenance(database, target, 'compare');
  try {
    await hold(holder, name);
    return await work();
  } finally {
    await holder.close();
  }
}

async function hold(session: Session, name: string): Promise<void> {
  // An idle session is what this one is for. PostgreSQL 14 and later have the setting.
  await session.query("SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'");
  await session.query('SELECT pg_catalog.pg_advisory_lock_shared($1::int, $2::int)', [LOCK_CLASS, keyOf(name)]);
}

/**
 * Drops the scratch databases of dead users that this role may drop. Never one that is held, in whichever database the holder's
 * session is (advisory locks belong to a database, and all of them are seen), nor one that has a session in it.
 * @returns their names
 */
async function dropOrphans(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    "SELECT datname::text AS name FROM pg_catalog.pg_database WHERE datname ~ '^faber_db_scratch_' AND pg_catalog.pg_has_role(datdba, 'USAGE')",
  );
  const dropped: string[] = [];
  for (const { name } of rows) if (SCRATCH_NAME.test(name) && (await dropOrphan(session, name))) dropped.push(name);
  return dropped;
}

async function dropOrphan(session: Session, name: string): Promise<boolean> {
  const key = keyOf(name);
  // Whoever is about to hold it waits for this lock, and finds no database of that name afterwards.
  const [mine] = await session.query<{ free: boolean }>('SELECT pg_catalog.pg_try_advisory_lock($1::int, $2::int) AS free', [LOCK_CLASS, key]);
  if (!mine?.free) return false;
  try {
    const [use] = await session.query<{ used: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND usesysid IS NOT NULL)
           OR EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND classid = $2::bigint::oid AND objid = $3::bigint::oid AND pid <> pg_catalog.pg_backend_pid()) AS used`,
      [name, LOCK_CLASS, key >>> 0],
    );
    if (use?.used !== false) return false;
    // Without FORCE: a session that came in between keeps it. Autovacuum is no user.
    await session.query(`DROP DATABASE IF EXISTS "${name}"`);
    return true;
  } catch {
    // Used after all, or dropped by another at this moment: the next one looks again.
    return false;
  } finally {
    await session.query('SELECT pg_catalog.pg_advisory_unlock($1::int, $2::int)', [LOCK_CLASS, key]);
  }
}

/** The first 32 bits of the hash in the name, as the signed number that the lock takes. */
function keyOf(name: string): number {
  return Number.parseInt(name.slice('faber_db_scratch_'.length, 'faber_db_scratch_'.length + 8), 16) | 0;
}
