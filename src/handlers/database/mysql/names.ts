/**
 * Names of the databases that we make beside the target. All begin with its name and `_faber_`, so that one grant covers them:
 * an ordinary role of MySQL has rights on its database and no others.
 */
import { createHash } from 'node:crypto';

export const quoted = (name: string) => `\`${name.replaceAll('`', '``')}\``;

const SIDE = /^(.*)_faber_side_([0-9a-f]{10})$/s;

/** Bookkeeping: in MySQL a schema is a database, and in the target every migration tool would see drift. */
export function bookkeepingName(database: string): string {
  const side = SIDE.exec(database);
  return side ? `${side[1]!}_faber_book_${side[2]!}` : `${database}_faber_db`;
}

/** Where a restore is prepared. */
export const sideName = (database: string, operationId: string) => `${database}_faber_side_${shortHash(database, operationId)}`;
/** Where what a restore replaced is kept. */
export const keptName = (database: string, operationId: string) => `${database}_faber_replaced_${shortHash(database, operationId)}`;
/** A database that never survives its user. */
export const scratchName = (database: string, id: string) => `${database}_faber_scratch_${shortHash(database, id)}`;

export const isKept = (database: string, name: string) => name.startsWith(`${database}_faber_replaced_`) && /_[0-9a-f]{10}$/.test(name);
export const isScratch = (database: string, name: string) => name.startsWith(`${database}_faber_scratch_`) && /_[0-9a-f]{10}$/.test(name);

/** The statement that gives a role what it needs, for the database administrator. `_` is a wildcard in grants. */
export function grantStatement(database: string, user: string): string {
  return `GRANT ALL ON ${quoted(`${database.replaceAll('_', '\\_')}\\_faber\\_%`)}.* TO '${user.replaceAll("'", "''")}'@'%'`;
}

function shortHash(database: string, id: string): string {
  return createHash('sha256').update(`${database}\0${id}`).digest('hex').slice(0, 10);
}
