/** Names of SQLite's result codes (https://sqlite.org/rescode.html), as people look them up. */

const PRIMARY = [
  'OK', 'ERROR', 'INTERNAL', 'PERM', 'ABORT', 'BUSY', 'LOCKED', 'NOMEM', 'READONLY', 'INTERRUPT', 'IOERR', 'CORRUPT', 'NOTFOUND', 'FULL', 'CANTOPEN',
  'PROTOCOL', 'EMPTY', 'SCHEMA', 'TOOBIG', 'CONSTRAINT', 'MISMATCH', 'MISUSE', 'NOLFS', 'AUTH', 'FORMAT', 'RANGE', 'NOTADB',
];

/** Extended codes that say more of a failed migration than their primary code. */
const EXTENDED: Record<number, string> = {
  275: 'CONSTRAINT_CHECK', 531: 'CONSTRAINT_COMMITHOOK', 787: 'CONSTRAINT_FOREIGNKEY', 1043: 'CONSTRAINT_FUNCTION', 1299: 'CONSTRAINT_NOTNULL',
  1555: 'CONSTRAINT_PRIMARYKEY', 1811: 'CONSTRAINT_TRIGGER', 2067: 'CONSTRAINT_UNIQUE', 2323: 'CONSTRAINT_VTAB', 2579: 'CONSTRAINT_ROWID',
  2835: 'CONSTRAINT_PINNED', 3091: 'CONSTRAINT_DATATYPE', 261: 'BUSY_RECOVERY', 517: 'BUSY_SNAPSHOT', 773: 'BUSY_TIMEOUT', 1032: 'READONLY_DBMOVED',
};

/** Errors of statements that give rows come without a code: SQLite's own words for it tell it then. */
const WORDS: [RegExp, string][] = [
  [/^database is locked$/, 'BUSY'], [/^database table is locked/, 'LOCKED'], [/^database disk image is malformed$/, 'CORRUPT'], [/^file is not a database$/, 'NOTADB'],
  [/^attempt to write a readonly database$/, 'READONLY'], [/^disk I\/O error$/, 'IOERR'], [/^database or disk is full$/, 'FULL'], [/^unable to open database file$/, 'CANTOPEN'],
  [/constraint failed/, 'CONSTRAINT'], [/^interrupted$/, 'INTERRUPT'],
];

/** `SQLITE_BUSY`; null for an error that is not SQLite's. */
export function codeName(error: unknown): string | null {
  const { errcode: code, code: source, message } = error as { errcode?: unknown; code?: unknown; message?: string };
  if (typeof code !== 'number') {
    if (source !== 'ERR_SQLITE_ERROR') return null;
    return `SQLITE_${WORDS.find(([words]) => words.test(message ?? ''))?.[1] ?? 'ERROR'}`;
  }
  const name = EXTENDED[code] ?? PRIMARY[code & 0xff];
  return name === undefined ? `SQLITE_${code}` : `SQLITE_${name}`;
}
