/** What belongs to a database and not to anything in it: a dump and a rename lose all of it, so it is read and carried over. */
import { z } from 'zod';
import type { Session } from '../../contract.js';

const Setting = z.object({ role: z.string().nullable(), name: z.string(), value: z.string() });
const Grant = z.object({ grantee: z.string().nullable().describe('null: PUBLIC'), privilege: z.string(), grantable: z.boolean() });

export const DatabaseProperties = z.object({
  owner: z.string(),
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  /** libc, icu or builtin. */
  locale_provider: z.string(),
  locale: z.string().nullable(),
  tablespace: z.string(),
  connection_limit: z.number().int(),
  /** null: the defaults that a new database has. */
  grants: z.array(Grant).nullable(),
  /** Settings of the database (role null) and of roles in it. */
  settings: z.array(Setting),
  comment: z.string().nullable(),
});
export type DatabaseProperties = z.infer<typeof DatabaseProperties>;

/** Beside the dump: what a restore needs when the database itself is gone. */
export const PROPERTIES_FILE = 'database.json';

/** Set by `hold_writes` while an operation runs: carried over then, it would leave the restored database read-only. */
const HOLD_SETTING = 'default_transaction_read_only';

/** Whether an operation holds writes off, so that the setting is its own and not the database's. Asked in the database itself. */
export async function areWritesHeld(session: Session): Promise<boolean> {
  const [table] = await session.query<{ there: boolean }>("SELECT to_regclass('faber_db.write_hold') IS NOT NULL AS there");
  if (!table?.there) return false;
  const [row] = await session.query<{ held: boolean }>('SELECT EXISTS (SELECT FROM faber_db.write_hold) AS held');
  return row!.held;
}

/**
 * Reads from shared catalogs, so any session of the server will do, even when the database refuses connections.
 * @returns null when there is no such database.
 */
export async function readProperties(session: Session, database: string, writesHeld: boolean): Promise<DatabaseProperties | null> {
  const rows = await session.query<Record<string, unknown>>(
    `SELECT d.oid::text AS oid, to_jsonb(d) AS d, pg_get_userbyid(d.datdba) AS owner, pg_encoding_to_char(d.encoding) AS encoding,
            t.spcname AS tablespace, shobj_description(d.oid, 'pg_database') AS comment
       FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = $1`,
    [database],
  );
  const row = rows[0];
  if (row === undefined) return null;
  // Columns differ by major version (datlocprovider 15, daticulocale 15-16, datlocale 17), so the row is read as JSON.
  const d = row['d'] as Record<string, unknown>;
  return DatabaseProperties.parse({
    owner: row['owner'],
    encoding: row['encoding'],
    collate: d['datcollate'],
    ctype: d['datctype'],
    locale_provider: d['datlocprovider'] === 'i' ? 'icu' : d['datlocprovider'] === 'b' ? 'builtin' : 'libc',
    locale: d['datlocale'] ?? d['daticulocale'] ?? null,
    tablespace: row['tablespace'],
    connection_limit: d['datconnlimit'],
    grants: d['datacl'] === null ? null : await readGrants(session, database),
    settings: await readSettings(session, String(row['oid']), writesHeld),
    comment: row['comment'],
  });
}

async function readGrants(session: Session, database: string): Promise<z.infer<typeof Grant>[]> {
  return session.query(
    `SELECT CASE WHEN a.grantee = 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END AS grantee, a.privilege_type AS privilege, a.is_grantable AS grantable
       FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = $1 ORDER BY 1 NULLS FIRST, 2`,
    [database],
  );
}

async function readSettings(session: Session, oid: string, writesHeld: boolean): Promise<z.infer<typeof Setting>[]> {
  return session.query(
    `SELECT CASE WHEN s.setrole = 0 THEN NULL ELSE pg_get_userbyid(s.setrole) END AS role,
            split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value
       FROM pg_db_role_setting s, unnest(s.setconfig) WITH ORDINALITY u (c, i)
      WHERE s.setdatabase = $1::oid AND NOT ($2 AND s.setrole = 0 AND split_part(c, '=', 1) = $3) ORDER BY 1 NULLS FIRST, i`,
    [oid, writesHeld, HOLD_SETTING],
  );
}
