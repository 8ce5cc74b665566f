/** Makes a database from a backup and shows that every row and object came back. What proving and restoring share. */
import type { BackupRecord } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import { barrier } from '../../../barrier.js';
import { schemaFacts } from '../../../database/mysql/fingerprint.js';
import { countsIn } from '../../../database/mysql/measure.js';
import { quoted } from '../../../database/mysql/names.js';
import { purposeName, withSession } from '../../../database/mysql/session.js';
import type { MysqlTarget } from '../../../database/mysql/url.js';
import type { Store } from '../../contract.js';
import { unusable } from '../../unusable.js';
import { isOfSurroundings, reasonOf } from '../broken-pipe.js';
import { compressor } from '../compression.js';
import { PipeFailed, pipe } from '../stream.js';
import type { Programs } from './programs.js';
import { readStructure, requireSameStructure } from './structure.js';

/** What the client says when the server is full, gone or going. */
const SERVER = /ERROR (?:1021|1040|1041|1053|1114|1203|1226|1927|2002|2003|2006|2013|2026)\b|Lost connection|gone away|Can't connect/;

/**
 * @param filled an empty database
 * @throws FaberError backup_unusable when it cannot be restored or is not as the manifest says; restore_failed when the server cannot hold it
 */
export async function load(filled: MysqlTarget, programs: Programs, store: Store, record: BackupRecord, signal: AbortSignal, onProgress?: (what: string) => void): Promise<void> {
  onProgress?.(`restoring ${record.backup_id} into ${filled.database}`);
  const options = filled.programOptions();
  const unpack = (await compressor(record.compression))?.unpack ?? null;
  const program = { name: programs.mariadb ? 'mariadb' : 'mysql', file: programs.load, args: [...options.args, '--batch', '--binary-mode', filled.database], env: { ...programs.env, ...options.env } };
  try {
    await pipe((take) => store.readFile(record, record.file, take, signal), unpack, program, signal);
  } catch (error) {
    if (!(error instanceof PipeFailed)) throw error;
    const { reason } = reasonOf(error, filled.secrets, signal);
    const number = /ERROR (\d+)/.exec(error.culprit?.stderr ?? '')?.[1];
    const told = number === undefined ? reason : `${reason}, error ${number}`;
    if (error.culprit !== null && !isOfSurroundings(error.culprit, SERVER) && !SERVER.test(error.culprit.stderr)) throw unusable(record, `it could not be restored: ${told}`);
    throw new FaberError({ code: 'restore_failed', message: `${record.backup_id} was not restored: ${told}`, result: { reason: told }, suggestions: ['See whether the server runs and has room, and try again'] });
  }
  await barrier('in-restore', signal);
  onProgress?.('comparing rows and objects');
  await withSession(filled.within(signal), purposeName('restore'), async (session) => {
    const found = await countsIn(session, filled.database);
    const rows = new Map(found.map(({ table, rows: n }) => [table, n]));
    const counted = record.tables ?? [];
    const differences = [...new Set([...rows.keys(), ...counted.map(({ table }) => table)])].flatMap((table) => {
      const expected = counted.find((one) => one.table === table)?.rows ?? null;
      return expected === (rows.get(table) ?? null) ? [] : [{ table, expected, found: rows.get(table) ?? null }];
    });
    const [first] = differences;
    if (first) throw unusable(record, `${differences.length} table(s) differ from its manifest after a restore, first ${first.table}: ${first.expected ?? 'no such table'} row(s) expected, ${first.found ?? 'no such table'} found`, { differences: differences.slice(0, 20) });
    requireSameStructure(record, await readStructure(store, record, signal), await schemaFacts(filled, []));
    if (found.length > 0) await session.query(`ANALYZE TABLE ${found.map(({ table }) => quoted(table)).join(', ')}`);
  });
}
