/** PostgreSQL on a server that is backed up by snapshots. */
import pg from 'pg';
import type { BackupRecord, TableCount } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import { letsNobodyIn, type ConnectionTarget, type DatabaseHandler } from '../../../database/contract.js';
import { inMaintenance, inSession, openSession } from '../../../database/postgresql/beside/connections.js';
import { databaseStates } from '../../../database/postgresql/beside/states.js';
import { postgresTarget } from '../../../database/postgresql/connection-url.js';
import { freshBookkeeping } from '../../dump/postgresql/carry-bookkeeping.js';
import { countRows } from '../../dump/postgresql/counts.js';
import type { Exchange, SnapshotDatabase } from '../database.js';
import { exchange } from './exchange.js';
import { letWritesOn } from './write-hold.js';

/** Of the server's own, and of the host's. */
const NOT_USERS = ['postgres', 'rdsadmin', 'template0', 'template1'];

export class PostgresSnapshotDatabase implements SnapshotDatabase {
  constructor(private readonly database: DatabaseHandler) {}

  at(target: ConnectionTarget, { host, port }: { host: string; port: number }): ConnectionTarget {
    return postgresTarget(target).withServer(host, port);
  }

  async isSameServer(one: ConnectionTarget, other: ConnectionTarget): Promise<boolean> {
    if (one.describe() === other.describe()) return true;
    // A copy has the system identifier too; two servers did not start in the same microsecond.
    const started = (target: ConnectionTarget) => inMaintenance(this.database, target, 'identify', (session) => session.query<{ at: string }>('SELECT pg_postmaster_start_time()::text AS at'));
    const [[here], [there]] = await Promise.all([started(one), started(other)]);
    return here!.at === there!.at;
  }

  async position(target: ConnectionTarget): Promise<BackupRecord['snapshot']> {
    return inSession(this.database, target, 'backup', async (session) => {
      const [row] = await session.query<{ position: string; lsn: string | null }>('SELECT pg_current_snapshot()::text AS position, CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn()::text END AS lsn');
      return row!;
    });
  }

  async otherDatabases(target: ConnectionTarget): Promise<string[]> {
    return inMaintenance(this.database, target, 'restore', async (session) => {
      const rows = await session.query<{ name: string }>('SELECT datname::text AS name FROM pg_database WHERE NOT datistemplate AND datname <> $1 AND datname <> ALL($2::text[]) ORDER BY 1', [target.database, NOT_USERS]);
      return rows.map(({ name }) => name);
    });
  }

  async count(target: ConnectionTarget, signal: AbortSignal): Promise<TableCount[]> {
    return inSession(this.database, target.within(signal), 'restore', async (session) => {
      await session.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
      return countRows(session);
    });
  }

  async tables(target: ConnectionTarget): Promise<number> {
    return inSession(this.database, target, 'restore', async (session) => {
      const [row] = await session.query<{ tables: number }>(`
        SELECT count(*)::int AS tables FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND n.nspname NOT IN ('information_schema', 'faber_db') AND n.nspname !~ '^pg_'`);
      return row!.tables;
    });
  }

  async open(restored: ConnectionTarget): Promise<void> {
    await this.reopen(restored);
    await inSession(this.database, restored, 'restore', letWritesOn);
  }

  exchange(target: ConnectionTarget, what: Exchange): Promise<void> {
    return exchange(this.database, target, what, () => this.reopen(target));
  }

  begin(restored: ConnectionTarget): Promise<void> {
    return freshBookkeeping(this.database, restored);
  }

  async reopen(target: ConnectionTarget): Promise<void> {
    await inMaintenance(this.database, target, 'restore', async (session) => {
      if ((await databaseStates(session, [target.database])).get(target.database)?.open !== false) return;
      await session.query(`ALTER DATABASE ${pg.escapeIdentifier(target.database)} ALLOW_CONNECTIONS true`);
    });
  }

  async serves(target: ConnectionTarget): Promise<boolean> {
    try {
      await (await openSession(this.database, target, 'restore')).close();
      return true;
    } catch (error) {
      if (letsNobodyIn(error)) return false;
      throw error;
    }
  }

  async connected(replaced: ConnectionTarget): Promise<number | null> {
    try {
      return await inMaintenance(this.database, replaced, 'retention', async (session) => {
        const [row] = await session.query<{ sessions: number }>('SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE datname = $1', [replaced.database]);
        return row!.sessions;
      });
    } catch (error) {
      if (error instanceof FaberError) return null;
      throw error;
    }
  }
}
