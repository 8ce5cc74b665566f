/** A dump and the row counts of one and the same moment. */
import type { TableCount } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import { barrier } from '../../../barrier.js';
import type { SchemaFact } from '../../../database/contract.js';
import { schemaFacts } from '../../../database/mysql/fingerprint.js';
import { quoted } from '../../../database/mysql/names.js';
import { logPosition } from '../../../database/mysql/quiet.js';
import { codeObjects, tablesIn, type CodeObject, type TableInfo } from '../../../database/mysql/schema-objects.js';
import { purposeName, withSession } from '../../../database/mysql/session.js';
import type { MysqlTarget } from '../../../database/mysql/url.js';
import type { BackupOptions, Pieces, Take } from '../../contract.js';
import type { WriteDump } from '../create.js';
import type { Program } from '../process.js';
import { pipe } from '../stream.js';
import { RowCounter } from './count-rows.js';
import type { Programs } from './programs.js';

export interface DumpedDatabase {
  tables: TableCount[];
  snapshot: { position: string; lsn: null };
  facts: SchemaFact[];
  code: CodeObject[];
}

/**
 * The dump program reads everything in one snapshot, and its rows are counted as they are written. A schema change while it runs makes it
 * fail, or is found by a look before and after.
 * @throws FaberError unsupported where a table's engine has no snapshots, or a definition is hidden; backup_failed when the schema was changed
 */
export async function dumpInSnapshot(target: MysqlTarget, programs: Programs, options: BackupOptions, write: WriteDump): Promise<DumpedDatabase> {
  return withSession(target, purposeName('backup'), async (session) => {
    const tables = await tablesIn(session, target.database);
    requireSnapshots(tables);
    // Before the dump's own snapshot: what was written in between counts as written since.
    const position = await logPosition(session);
    const [facts, code] = [await schemaFacts(target, []), await codeObjects(session, target.database)];
    requireVisible(code, target);
    const counter = new RowCounter();
    await write(counted(dumpProgram(target, programs), counter, options.signal), options.signal);
    await barrier('mysql-after-dump', options.signal);
    if (JSON.stringify(await schemaFacts(target, [])) !== JSON.stringify(facts)) {
      const reason = 'the schema was changed while the dump was written';
      throw new FaberError({ code: 'backup_failed', message: `The backup of ${target.describe()} could not be taken: ${reason}. Nothing was changed`, result: { backup_error: reason }, suggestions: ['Try again when nobody changes the schema'] });
    }
    const counts = tables.filter(({ kind }) => kind === 'table').map(({ name }) => ({ schema: target.database, table: name, rows: counter.rows.get(name) ?? 0 }));
    return { tables: counts, snapshot: { position, lsn: null }, facts, code };
  });
}

function dumpProgram(target: MysqlTarget, { dump, mariadb, env }: Programs): Program {
  const options = target.programOptions();
  const own = mariadb ? [] : ['--set-gtid-purged=OFF', '--column-statistics=0'];
  const args = [...options.args, '--single-transaction', '--quick', '--skip-lock-tables', '--hex-blob', '--routines', '--events', '--triggers', '--no-tablespaces', '--skip-comments', ...own, '--', target.database];
  return { name: mariadb ? 'mariadb-dump' : 'mysqldump', file: dump, args, env: { ...env, ...options.env } };
}

/** The program's bytes, unchanged. */
function counted(program: Program, counter: RowCounter, signal: AbortSignal): Pieces {
  return (take: Take) => pipe(program, null, async (piece) => {
    counter.take(piece);
    await take(piece);
  }, signal);
}

function requireSnapshots(tables: readonly TableInfo[]): void {
  const other = tables.filter(({ kind, engine }) => kind === 'table' && engine !== null && engine.toLowerCase() !== 'innodb');
  if (other.length === 0) return;
  throw new FaberError({
    code: 'unsupported',
    message: `A backup would not be of one moment: ${other.slice(0, 5).map(({ name, engine }) => `${name} (${engine})`).join(', ')}${other.length > 5 ? ` and ${other.length - 5} more` : ''} have an engine without snapshots. Nothing was changed`,
    suggestions: [`ALTER TABLE ${quoted(other[0]!.name)} ENGINE=InnoDB`],
  });
}

/** A routine of another user shows no body, and the dump would hold none. */
export function requireVisible(code: readonly CodeObject[], target: MysqlTarget): void {
  const hidden = code.filter(({ sql }) => sql === null);
  if (hidden.length === 0) return;
  throw new FaberError({
    code: 'unsupported',
    message: `The user ${target.user} may not see the definition of ${hidden.map(({ kind, name, definer }) => `${kind} ${name} (of ${definer})`).slice(0, 5).join(', ')}: a backup would lose it. Nothing was changed`,
    suggestions: ['As an administrator: GRANT SELECT ON mysql.proc (MariaDB) or GRANT SHOW_ROUTINE ON *.* (MySQL) to the user'],
  });
}
