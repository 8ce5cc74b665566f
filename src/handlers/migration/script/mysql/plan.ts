/** How a script runs: in one transaction, or statement by statement because MySQL commits each schema change by itself. */
import { changeOf, type Change } from './change.js';
import type { Script } from './statements.js';

export interface ScriptPlan {
  /** transactional: rows only, in one transaction with the ledger; standalone: statement by statement. */
  transaction: 'transactional' | 'standalone';
  changes: Change[];
  /** Why it is not run at all, with the statement's line. */
  refused: { line: number; what: string }[];
}

export function planScript(script: Script): ScriptPlan {
  const changes = withoutFrame(script.statements.map(changeOf));
  const refused = changes.flatMap((change, at) => {
    const line = script.statements[at]!.line;
    if (change.kind === 'transaction') return [{ line, what: 'it begins, ends or locks by itself (BEGIN, COMMIT, LOCK TABLES, autocommit), so that no statement could be recorded together with its doing; leave that to faber-db' }];
    if (change.kind === 'use') return [{ line, what: `USE ${change.database}: a migration runs in the database of the URL alone` }];
    // What the statements are is told in the server's default mode.
    if (change.kind === 'sets' && change.names.includes('sql_mode') && /ANSI|NO_BACKSLASH_ESCAPES|ORACLE|MSSQL|DB2|POSTGRESQL/i.test(script.statements[at]!.text)) return [{ line, what: 'SET sql_mode to a mode in which SQL is read otherwise' }];
    return [];
  });
  const rowsOnly = changes.every(({ kind }) => kind === 'rows' || kind === 'reads' || kind === 'sets' || kind === 'nothing');
  return { transaction: rowsOnly ? 'transactional' : 'standalone', changes, refused };
}

/** A script of rows in a frame of START TRANSACTION and COMMIT is what we make of it anyway. */
function withoutFrame(changes: Change[]): Change[] {
  const within = changes.slice(1, -1);
  const is = (change: Change | undefined, ...verbs: string[]) => change?.kind === 'transaction' && verbs.includes(change.verb);
  const framed = changes.length > 2 && is(changes[0], 'BEGIN', 'START') && is(changes.at(-1), 'COMMIT') && within.every(({ kind }) => kind === 'rows' || kind === 'reads' || kind === 'sets');
  return framed ? [{ kind: 'nothing' }, ...within, { kind: 'nothing' }] : changes;
}
