/** The databases that restores replaced and kept: found, and dropped when their time has come. */
import pg from 'pg';
import { FaberError } from '../../../../contract/failure.js';
import { type ConnectionTarget, type DatabaseHandler, ScriptError } from '../../../database/contract.js';
import type { ReplacedDatabase } from '../../contract.js';
import { inMaintenance } from '../../../database/postgresql/beside/connections.js';
import { keptName, looksReplaced } from '../../../database/postgresql/beside/side-names.js';
import { INSUFFICIENT_PRIVILEGE, sqlState } from '../../../database/postgresql/beside/sql-state.js';

const OBJECT_IN_USE = '55006';

/**
 * A name can be anybody's: which operation made it is told by hashing the ids that the serving database remembers, and where
 * that one forgot (it was restored while the old one let nobody in), those that the replaced one itself does.
 */
export async function replacedDatabases(database: DatabaseHandler, target: ConnectionTarget): Promise<ReplacedDatabase[]> {
  const candidates = await inMaintenance(database, target, 'retention', (session) => session.query<{ name: string; size: string | null }>(`
    SELECT datname::text AS name,
           CASE WHEN has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE') THEN pg_database_size(oid)::text END AS size
      FROM pg_database WHERE datname ~ '_replaced_[0-9a-f]{10}$' AND datname <> $1 ORDER BY datname`, [target.database]));
  const similar = candidates.filter(({ name }) => looksReplaced(target.database, name));
  if (similar.length === 0) return [];
  const remembered = await database.bookkeeping.remembered(target).catch(unreadable);
  const found: ReplacedDatabase[] = [];
  for (const { name, size } of similar) {
    const isIts = ({ operation_id }: { operation_id: string }) => keptName(target.database, operation_id) === name;
    const operation = remembered.find(isIts) ?? (await database.bookkeeping.remembered(target.withDatabase(name)).catch(unreadable)).find(isIts) ?? null;
    found.push({ name, size_bytes: size === null ? null : Number(size), operation });
  }
  return found;
}

function unreadable(error: unknown): [] {
  if (error instanceof FaberError || error instanceof ScriptError) return [];
  throw error;
}

/** Without FORCE on purpose: whoever is connected uses it. @returns why it stays, or null */
export async function dropReplaced(database: DatabaseHandler, target: ConnectionTarget, name: string): Promise<string | null> {
  if (!looksReplaced(target.database, name) || name === target.database) return 'it is not a database that a restore replaced';
  return inMaintenance(database, target, 'retention', async (session) => {
    try {
      await session.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)}`);
      return null;
    } catch (error) {
      const state = sqlState(error);
      if (state === OBJECT_IN_USE) return 'it is in use: somebody is connected to it, or a replication slot or subscription is in it';
      if (state === INSUFFICIENT_PRIVILEGE) return 'the role of the connection does not own it';
      if (state !== null) return `the server refuses to drop it (SQLSTATE ${state})`;
      throw error;
    }
  });
}
