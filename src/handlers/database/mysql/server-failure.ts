/** Turns an error of the server or of the driver into a `ScriptError`: facts without values, the full text apart. */
import { ScriptError, type ScriptFailure } from '../contract.js';
import { maskStatement } from './tokens.js';

/** An error that the server or the driver gave, with the server's own number. */
export class MysqlError extends ScriptError {
  constructor(readonly errno: number | null, failure: ScriptFailure, detail: string, options?: { cause?: unknown }) {
    super(failure, detail, options);
  }
}

/** As the driver gives it. */
interface DriverError extends Error { code?: string; errno?: number; sqlState?: string; sqlMessage?: string; fatal?: boolean }

export const LOCK_WAIT_TIMEOUT = 1205;
export const DEADLOCK = 1213;
/** Interrupted by KILL QUERY, and by the limits of MySQL (max_execution_time) and MariaDB (max_statement_time). */
export const INTERRUPTED: readonly number[] = [1317, 3024, 1969];
export const DENIED: readonly number[] = [1044, 1142, 1227, 1370, 1410];
export const UNKNOWN_DATABASE = 1049;
export const NO_SUCH_TABLE = 1146;
/** The session was killed, the server goes down, or the connection broke. */
const LOST_ERRNO = new Set([1053, 1077, 1152, 1153, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 3168, 4031]);

export const errnoOf = (error: unknown): number | null => (error instanceof MysqlError ? error.errno : null);

/** @param sql what was sent */
export function serverFailure(error: unknown, sql: string | null): unknown {
  if (error instanceof ScriptError || !(error instanceof Error)) return error;
  const told = error as DriverError;
  if (isLost(told)) {
    return new MysqlError(
      told.errno ?? null,
      { sqlState: told.sqlState ?? null, message: 'the session ended or the connection to the server broke', line: null, statementIndex: null, statement: null, objects: {}, connectionLost: true },
      told.message, { cause: error },
    );
  }
  if (typeof told.errno !== 'number' || told.sqlMessage === undefined) return error;
  const line = told.errno === 1064 ? Number(/at line (\d+)$/.exec(told.sqlMessage)?.[1]) || null : null;
  const failure: ScriptFailure = {
    sqlState: told.sqlState ?? null,
    message: `${maskedMessage(told.errno, told.sqlMessage)} (error ${told.errno})`,
    line,
    statementIndex: null,
    statement: sql === null ? null : maskStatement(sql),
    objects: objectsIn(told.errno, told.sqlMessage),
    connectionLost: false,
  };
  return new MysqlError(told.errno, failure, `${told.sqlMessage} (error ${told.errno}, SQLSTATE ${told.sqlState ?? 'unknown'})`, { cause: error });
}

function isLost(error: DriverError): boolean {
  if (error.errno !== undefined && LOST_ERRNO.has(error.errno)) return true;
  const code = error.code ?? '';
  return /^(ECONN|EPIPE|ETIMEDOUT|ERR_STREAM|PROTOCOL_CONNECTION_LOST)/.test(code) || /closed state|Connection lost|socket has been ended/i.test(error.message);
}

/** Their texts name objects and hold no value, as far as the server's own list of messages goes. */
const NAMES_ONLY = new Set([
  1005, 1007, 1008, 1025, 1040, 1044, 1045, 1046, 1049, 1050, 1051, 1054, 1060, 1061, 1063, 1067, 1068, 1069, 1070, 1071, 1072, 1075, 1089, 1090, 1091, 1101, 1103, 1113, 1118,
  1133, 1138, 1142, 1143, 1146, 1170, 1171, 1176, 1203, 1205, 1207, 1213, 1214, 1215, 1217, 1226, 1227, 1290, 1304, 1305, 1317, 1347, 1356, 1359, 1360, 1364, 1370, 1406,
  1419, 1451, 1452, 1553, 1701, 1738, 1822, 1824, 1825, 1826, 1828, 1829, 1830, 1832, 1834, 1846, 1901, 1969, 3024, 3730, 3780, 4161,
]);
/** The part of a message behind its values. */
const BEHIND_VALUES: Record<number, [RegExp, string]> = {
  1062: [/for key ['`]([^'`]*)['`]$/, 'duplicate entry for key'],
  1366: [/for column ['`](?:[^'`]*['`]\.['`])*([^'`]*)['`] at row \d+$/, 'incorrect value for column'],
  1292: [/for column ['`](?:[^'`]*['`]\.['`])*([^'`]*)['`] at row \d+$/, 'incorrect value for column'],
  1264: [/for column ['`]([^'`]*)['`] at row \d+$/, 'value out of range for column'],
  1265: [/for column ['`]([^'`]*)['`] at row \d+$/, 'data truncated for column'],
  1048: [/^Column ['`]([^'`]*)['`]/, 'NULL is not allowed in column'],
};

function maskedMessage(errno: number, message: string): string {
  if (errno === 1064) return `syntax error${/at line \d+$/.exec(message) ? ` ${/at line \d+$/.exec(message)![0]} of the statement` : ''}`;
  if (errno === 1644) return 'a trigger or routine raised an error of its own';
  const known = BEHIND_VALUES[errno];
  if (known) {
    const name = known[0].exec(message)?.[1];
    return name === undefined ? known[1].replace(/ (for|in) (key|column)$/, '') : `${known[1]} ${name}`;
  }
  if (NAMES_ONLY.has(errno)) return message;
  // From the first quote to the last one: a value may hold quotes itself.
  return message.replace(/['"`][\s\S]*['"`]/, '?');
}

function objectsIn(errno: number, message: string): Record<string, string> {
  const name = BEHIND_VALUES[errno]?.[0].exec(message)?.[1];
  if (name === undefined) return {};
  return errno === 1062 ? { constraint: name } : { column: name };
}
