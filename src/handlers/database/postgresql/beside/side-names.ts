/** Names of databases that we make. They follow from the operation, so that a second attempt finds what the first left. */
import { createHash } from 'node:crypto';

/** PostgreSQL cuts longer names silently. */
const MAX_BYTES = 63;

/** Where a restore is prepared. */
export function sideName(database: string, operationId: string): string {
  return withSuffix(database, `_faber_${shortHash(database, operationId)}`);
}

/** Where the replaced database is kept. */
export function keptName(database: string, operationId: string): string {
  return withSuffix(database, `_replaced_${shortHash(database, operationId)}`);
}

/** Whether a database may be one that a restore of this one replaced: by its name alone, which anybody can give. */
export function looksReplaced(database: string, name: string): boolean {
  const suffix = /_replaced_[0-9a-f]{10}$/.exec(name)?.[0];
  return suffix !== undefined && withSuffix(database, suffix) === name;
}

/** A database in which a backup is proven and that never survives. */
export function scratchName(database: string, id: string): string {
  return `faber_db_scratch_${shortHash(database, id)}`;
}

/** The database is part of it: two long names that differ only in what is cut off must not meet. */
function shortHash(database: string, id: string): string {
  return createHash('sha256').update(`${database}\0${id}`).digest('hex').slice(0, 10);
}

function withSuffix(database: string, suffix: string): string {
  let head = database;
  // By code points: a cut inside a character would not be valid UTF-8.
  while (Buffer.byteLength(head + suffix) > MAX_BYTES) head = [...head].slice(0, -1).join('');
  return head + suffix;
}
