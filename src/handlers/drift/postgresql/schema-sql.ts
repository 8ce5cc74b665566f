/** The schema of a database as SQL, by PostgreSQL's own pg_dump. */
import { FaberError } from '../../../contract/failure.js';
import type { ConnectionTarget } from '../../database/contract.js';
import { complaint } from '../../backup/dump/complaint.js';
import { childConnection } from '../../database/postgresql/beside/connections.js';
import { succeeded, supervise, type Exit } from '../../backup/dump/process.js';
import { findPrograms } from '../../backup/dump/postgresql/programs.js';

/** A table that an application holds exclusively is waited for this long. */
const LOCK_WAIT_MS = 5_000;
/** The schema of ten thousand tables has about 30 MB. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * What is no part of what migrations are asked for: owners, grants and tablespaces differ between servers by intent; publications,
 * subscriptions and labels belong to who runs the server; comments change nothing.
 */
const LEFT_OUT = ['owner', 'privileges', 'tablespaces', 'comments', 'publications', 'subscriptions', 'security-labels'].map((what) => `--no-${what}`);

/**
 * @param serverMajor of the target's server
 * @param ownTables those of the migration tool, in the target's schema
 * @throws FaberError unsupported (no pg_dump of that version), lock_timeout, plan_failed
 */
export async function schemaSql(target: ConnectionTarget, serverMajor: number, ownTables: readonly string[], signal: AbortSignal): Promise<string> {
  const programs = await findPrograms(serverMajor);
  const { text, exit } = await supervise(signal, async (start) => {
    const running = start(
      {
        name: 'pg_dump',
        file: programs.pg_dump,
        args: ['--schema-only', ...LEFT_OUT, '--exclude-schema=faber_db', ...ownTables.map((table) => `--exclude-table=${pattern(target.schema)}.${pattern(table)}`), '--no-password', `--lock-wait-timeout=${LOCK_WAIT_MS}`],
        env: childConnection(target, 'compare'),
      },
      'ignore',
      'pipe',
    );
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of running.stdout!) {
      parts.push(part as Buffer);
      length += (part as Buffer).length;
      if (length > MOST_BYTES) throw new FaberError({ code: 'unsupported', message: `The schema of ${target.describe()} is larger than ${MOST_BYTES} bytes of SQL` });
    }
    return { text: Buffer.concat(parts).toString('utf8'), exit: await running.exit };
  });
  if (!succeeded(exit)) throw dumpFailure(target, exit);
  return text;
}

/** A name as psql patterns take it: in quotes nothing in it is a wildcard. */
function pattern(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function dumpFailure(target: ConnectionTarget, exit: Exit): FaberError {
  const said = complaint(exit, target.secrets);
  // pg_dump waits for a lock by a timeout of its LOCK TABLE statement.
  const locked = /LOCK TABLE[\s\S]*timeout|timeout[\s\S]*LOCK TABLE|lock timeout/.test(exit.stderr);
  return new FaberError({
    code: locked ? 'lock_timeout' : 'plan_failed',
    message: locked ? `The schema of ${target.describe()} could not be read: another session holds a table exclusively` : `The schema of ${target.describe()} could not be read: ${said}`,
    suggestions: [locked ? 'Try again when that session has ended (pg_locks, pg_stat_activity)' : 'The role of the URL needs SELECT on every table and USAGE on every schema: as a superuser, GRANT pg_read_all_data TO the role (PostgreSQL 14 or newer)'],
  });
}
