/** Why a restore into a target should be refused, and whether a backup can be taken: found when a plan is made. */
import { access, constants, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import type { BackupRecord } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import type { Settings } from '../../../../contract/settings.js';
import { sqliteTarget, type SqliteTarget } from '../../../database/sqlite/connection-url.js';
import { locate, locateThere } from '../../../database/sqlite/locate.js';
import type { ConnectionTarget } from '../../../database/contract.js';
import { levelFor, type Store } from '../../contract.js';
import { chooseCompression } from '../compression.js';
import { freeBytes, readable } from '../free-space.js';

/** The new contents, what was there in a copy, and a log of both. */
const TIMES = 3;

export async function restoreObstacles(target: SqliteTarget, record: BackupRecord): Promise<string[]> {
  if (record.provider !== 'sqlite') return [`the backup is of ${record.provider}, and the database is sqlite`];
  return replaceObstacles(target, record.size_bytes);
}

/** The same for an empty database that is put in the place of this one. */
export async function replaceObstacles(target: SqliteTarget, bytes = 0): Promise<string[]> {
  const { file, there } = await locate(target);
  const folder = dirname(file);
  const found: string[] = [];
  for (const path of there ? [folder, file] : [folder]) {
    if (!(await access(path, constants.W_OK).then(() => true, () => false))) found.push(`the worker may not write to ${path}`);
  }
  const needed = TIMES * Math.max(bytes, there ? (await stat(file)).size : 0);
  const free = await freeBytes(folder);
  if (free !== null && free < needed) found.push(`${folder} has ${readable(free)} free, and the exchange needs about ${readable(needed)}`);
  return found;
}

/** @throws FaberError unsupported, backup_failed. */
export async function preflight(target: ConnectionTarget, settings: Settings, store: Store): Promise<{ findings: string[] }> {
  const findings: string[] = [];
  const { file } = await locateThere(sqliteTarget(target));
  const { size } = await stat(file);
  const compression = await chooseCompression(settings.backup.compression);
  if (compression !== 'zstd') findings.push(`The dump is packed by ${compression}: zstd is not installed or not chosen`);
  const room = await store.freeBytes();
  if (room !== null && room < size / 10) throw failed(`${store.location} has ${readable(room)} free, and the database has ${readable(size)}`, 'Free disk space, or point backup.location at a larger disk');
  if (room !== null && room < size) findings.push(`${store.location} has ${readable(room)} free for a dump of ${readable(size)} of data`);
  const scratch = await freeBytes(tmpdir());
  if (scratch !== null && scratch < size) throw failed(`${tmpdir()} has ${readable(scratch)} free, and the copy that is packed needs ${readable(size)}`, 'Free disk space there, or set TMPDIR for the worker to a folder on a larger disk');
  if (levelFor(settings, size) === 'checked' && settings.backup.verify === 'proven') findings.push(`The database has ${readable(size)}, more than backup.max_database_size: its backup is checked, not proven`);
  return { findings };
}

function failed(reason: string, suggestion: string): FaberError {
  return new FaberError({ code: 'backup_failed', message: `No backup can be taken: ${reason}. Nothing was changed`, result: { backup_error: reason }, suggestions: [suggestion] });
}
