/** Why a restore into a target should be refused: found when a plan is made, so that it can be accepted or mended before. */
import type { BackupRecord } from '../../../../contract/backup.js';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../../database/contract.js';
import { inMaintenance } from '../../../database/postgresql/beside/connections.js';
import { readable } from '../free-space.js';
import { databaseBytes, freeServerBytes } from './free-space.js';

/** Each obstacle has one query over shared catalogs, which give a sentence a row. All take the name of the database as $1. */
const OBSTACLES = [
  // A slot stays with the renamed database, is read by nobody any more, and fills the disk with log.
  `SELECT format('logical replication slot %s would stay with the replaced database and fill the disk', slot_name) AS obstacle
     FROM pg_replication_slots WHERE database = $1`,
  `SELECT format('subscription %s is not part of a restored database and would go on in the replaced one', subname) AS obstacle
     FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = $1`,
  `SELECT format('%s prepared transaction(s) of %s keep the database from being renamed', count(*), owner) AS obstacle
     FROM pg_prepared_xacts WHERE database = $1 GROUP BY owner`,
  `SELECT format('the role %s may not create databases (CREATEDB)', current_user) AS obstacle
     FROM pg_roles WHERE rolname = current_user AND NOT rolcreatedb AND NOT rolsuper`,
  `SELECT format('the role %s does not own the database, %s does', current_user, pg_get_userbyid(datdba)) AS obstacle
     FROM pg_database WHERE datname = $1 AND NOT pg_has_role(datdba, 'USAGE')`,
  `SELECT format('the database lets nobody in (CONNECTION LIMIT 0): ALTER DATABASE %I CONNECTION LIMIT -1', datname) AS obstacle
     FROM pg_database WHERE datname = $1 AND datconnlimit = 0 AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`,
  `SELECT format('the database is in the tablespace %s, in which the role %s may not create', spcname, current_user) AS obstacle
     FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace
    WHERE d.datname = $1 AND spcname <> 'pg_default' AND NOT has_tablespace_privilege(t.oid, 'CREATE')`,
  `SELECT format('settings of the role %s in the database cannot be carried over by %s', pg_get_userbyid(setrole), current_user) AS obstacle
     FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
    WHERE d.datname = $1 AND setrole <> 0 AND pg_get_userbyid(setrole) <> current_user
      AND NOT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user)`,
  `SELECT format('the setting %s of the database cannot be carried over by %s', name, current_user) AS obstacle
     FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(setconfig) c, split_part(c, '=', 1) name
    WHERE d.datname = $1 AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
      AND NOT EXISTS (SELECT FROM pg_settings p WHERE p.name = split_part(c, '=', 1) AND p.context = 'user')`,
  `SELECT format('sessions of the role %s cannot be ended by %s', usename, current_user) AS obstacle
     FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
    WHERE datname = $1 AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
      AND (r.rolsuper OR NOT (pg_has_role(usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))
    GROUP BY usename`,
];

/** An extension that is not trusted needs a superuser. $1: names. */
const EXTENSIONS = `
  SELECT format('the extension %s cannot be created here: %s', n, CASE WHEN v.name IS NULL THEN 'it is not installed on the server'
           ELSE 'it needs a superuser' END) AS obstacle
    FROM unnest($1::text[]) n
    LEFT JOIN (SELECT name, bool_or(trusted OR NOT superuser) AS free FROM pg_available_extension_versions GROUP BY name) v ON v.name = n
   WHERE v.name IS NULL OR NOT (v.free OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))
   ORDER BY n`;

/** @throws FaberError health_check_failed when the server cannot be reached; a missing or unhealthy database is no obstacle. */
export async function restoreObstacles(database: DatabaseHandler, target: ConnectionTarget, record: BackupRecord): Promise<string[]> {
  if (record.provider !== database.provider) return [`the backup is of ${record.provider}, and the database is ${database.provider}`];
  if (record.format !== 'pg_dump-custom') return [`the backup is a snapshot (${record.format}): only an environment with backup.method snapshot can restore it`];
  return inMaintenance(database, target, 'restore', async (session) => {
    const found = [...(await olderServer(session, record)), ...(await noRoom(session, target, record))];
    for (const sql of OBSTACLES) found.push(...(await obstacles(session, sql, target.database)));
    return [...found, ...(await obstacles(session, EXTENSIONS, record.extensions ?? []))];
  });
}

/** The same for an empty database that is put in the place of this one. @throws FaberError health_check_failed */
export async function replaceObstacles(database: DatabaseHandler, target: ConnectionTarget): Promise<string[]> {
  return inMaintenance(database, target, 'restore', async (session) => {
    const found: string[] = [];
    for (const sql of OBSTACLES) found.push(...(await obstacles(session, sql, target.database)));
    return found;
  });
}

async function obstacles(session: Session, sql: string, parameter: unknown): Promise<string[]> {
  // A parameter that a query does not use has no type, and is an error.
  const rows = await session.query<{ obstacle: string }>(sql, sql.includes('$1') ? [parameter] : []);
  return rows.map(({ obstacle }) => obstacle);
}

async function olderServer(session: Session, record: BackupRecord): Promise<string[]> {
  const [row] = await session.query<{ major: number }>("SELECT current_setting('server_version_num')::int / 10000 AS major");
  const dumped = Number.parseInt(record.server_version, 10);
  return dumped > row!.major ? [`the backup is of PostgreSQL ${dumped}, and the server is only ${row!.major}`] : [];
}

async function noRoom(session: Session, target: ConnectionTarget, record: BackupRecord): Promise<string[]> {
  const free = await freeServerBytes(session, target);
  const needed = (await databaseBytes(session, target.database)) ?? record.size_bytes;
  return free !== null && free < needed ? [`the server has ${readable(free)} free, and the restored database needs about ${readable(needed)}`] : [];
}
