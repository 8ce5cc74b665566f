/** Health of a file, read-only. A check that cannot be made is `unknown`, and the others go on. */
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FaberError } from '../../../contract/failure.js';
import type { HealthCheck } from '../../../contract/health.js';
import type { Settings } from '../../../contract/settings.js';
import { latencyCheck, uncheckable } from '../health-checks.js';
import type { Connection } from './connection.js';
import type { SqliteTarget } from './connection-url.js';
import { locateThere } from './locate.js';
import { openFile } from './open.js';

type Thresholds = Settings['health'];

/** `quick_check` reads the whole file: a larger one is not checked each time, and no check holds up an operation for long. */
const CHECKED_BYTES = 2_000_000_000;
const CHECK_MS = 20_000;
/** A log grows beyond that only while somebody reads for long, or nobody lets SQLite write it back. */
const WAL_WARNING_BYTES = 256_000_000;

/** Never throws for a database that cannot be opened: connectivity is unhealthy then, the rest unknown. */
export async function checkHealth(target: SqliteTarget, thresholds: Thresholds): Promise<HealthCheck[]> {
  let file: string;
  let connection: Connection;
  try {
    ({ file } = await locateThere(target));
    connection = await openFile(file, 'read', target.signal);
  } catch (error) {
    if (!(error instanceof FaberError)) throw error;
    const details = error.result?.['error_details'];
    const detail = typeof details === 'string' ? details : error.message;
    const unknown = (['latency', 'integrity', 'disk'] as const).map((name): HealthCheck => ({ name, category: 'performance', status: 'unknown', detail: 'not checked: the database cannot be opened', value: null }));
    return [{ name: 'connectivity', category: 'connectivity', status: 'unhealthy', detail, recommendation: error.suggestions[0] ?? 'Look at the path, and at the rights of the file and its folder.' }, ...unknown];
  }
  const checks: HealthCheck[] = [{ name: 'connectivity', category: 'connectivity', status: 'healthy', detail: `opened ${target.describe()}` }];
  try {
    for (const [name, check] of [['latency', () => latency(connection, thresholds)], ['writable', () => writable(file)], ['disk', () => disk(file, thresholds)], ['wal', () => log(connection, file)], ['integrity', () => integrity(connection, file)]] as const) {
      checks.push(await check().catch((error: unknown) => uncheckable(name, error)));
    }
    return checks;
  } finally {
    await connection.close();
  }
}

function latency(connection: Connection, thresholds: Thresholds): Promise<HealthCheck> {
  return latencyCheck(() => connection.query('SELECT count(*) FROM sqlite_master'), thresholds, 'Look at the load of the machine and at the disk that the file is on.');
}

async function writable(file: string): Promise<HealthCheck> {
  const check = { name: 'writable', category: 'connectivity' } as const;
  for (const path of [file, dirname(file)]) {
    if (await access(path, constants.W_OK).then(() => true, () => false)) continue;
    return { ...check, status: 'unhealthy', detail: `the worker may not write to ${path}`, recommendation: `Give the user of the worker the right to write to ${path}: SQLite needs the folder too` };
  }
  return { ...check, status: 'healthy', detail: 'file and folder can be written to' };
}

async function disk(file: string, { disk_free_warning_percent: warning }: Thresholds): Promise<HealthCheck> {
  const { bavail, blocks } = await statfs(dirname(file));
  const percent = Math.round((bavail / blocks) * 1000) / 10;
  const full = percent < warning;
  return {
    name: 'disk', category: 'performance', status: full ? 'degraded' : 'healthy', value: percent, detail: `${percent} % of the disk of the file are free (warning below ${warning} %)`,
    ...(full && { recommendation: `Free disk space: df -h ${dirname(file)}` }),
  };
}

async function log(connection: Connection, file: string): Promise<HealthCheck> {
  const [row] = await connection.query<{ journal_mode: string }>('PRAGMA journal_mode');
  const bytes = await stat(`${file}-wal`).then(({ size }) => size, () => 0);
  const large = bytes > WAL_WARNING_BYTES;
  return {
    name: 'wal', category: 'performance', status: large ? 'degraded' : 'healthy', value: bytes, detail: `journal mode ${row!.journal_mode}${bytes > 0 ? `, a write-ahead log of ${bytes} bytes` : ''}`,
    ...(large && { recommendation: 'A reader that stays open keeps the log from being written back. Close it, then: PRAGMA wal_checkpoint(TRUNCATE)' }),
  };
}

async function integrity(connection: Connection, file: string): Promise<HealthCheck> {
  const check = { name: 'integrity', category: 'schema' } as const;
  const { size } = await stat(file);
  if (size > CHECKED_BYTES) return { ...check, status: 'unknown', detail: `not checked: the file has ${size} bytes, and PRAGMA quick_check reads all of them`, value: null };
  const timer = setTimeout(() => void connection.process.kill(), CHECK_MS);
  try {
    const rows = await connection.query<{ quick_check: string }>('PRAGMA quick_check(5)');
    const whole = rows.length === 1 && rows[0]!.quick_check === 'ok';
    return whole
      ? { ...check, status: 'healthy', detail: 'PRAGMA quick_check found nothing wrong' }
      : { ...check, status: 'unhealthy', detail: `PRAGMA quick_check found ${rows.length} fault(s) in the file`, recommendation: 'Restore a backup: faber-db list-backups; look at the disk' };
  } finally {
    clearTimeout(timer);
  }
}
