/** Whether one transaction can hold a script, and how it runs then. */
import type { TransactionClass } from '../../../../contract/plan.js';
import { kindOf, type Kind } from './kind.js';
import type { Script, Statement } from './parse.js';

export interface TransactionPlan {
  transaction: TransactionClass;
  /** What runs, in order. */
  statements: Statement[];
  /** The script switches the enforcement of foreign keys off, which inside of a transaction does nothing: it is done before it. */
  withoutForeignKeys: boolean;
  /** The script's own BEGIN and COMMIT, which are left out: one transaction holds all of it. */
  leftOut: Statement[];
  /** Statements that do not run here, and why. */
  refused: { statement: Statement; reason: string }[];
}

export function planTransaction({ statements }: Script): TransactionPlan {
  const kinds = statements.map((statement) => ({ statement, kind: kindOf(statement.tokens) }));
  const leftOut = kinds.filter(({ kind }) => kind.is === 'transaction' && kind.word !== 'ROLLBACK').map(({ statement }) => statement);
  const switches = kinds.filter(({ kind }) => isForeignKeys(kind));
  const inside = kinds.filter(({ statement, kind }) => !leftOut.includes(statement) && !isForeignKeys(kind));
  const alone = inside.length === 1 && mustStandAlone(inside[0]!.kind);
  const refused = inside.flatMap(({ statement, kind }) => {
    const reason = refusal(kind, alone);
    return reason === null ? [] : [{ statement, reason }];
  });
  return {
    transaction: alone ? 'standalone' : 'transactional',
    statements: inside.map(({ statement }) => statement),
    withoutForeignKeys: switches.some(({ kind }) => kind.is === 'pragma' && /^(0|off|false|no)$/i.test(kind.value ?? '')),
    leftOut,
    refused,
  };
}

const isForeignKeys = (kind: Kind) => kind.is === 'pragma' && kind.name === 'foreign_keys' && kind.value !== null;

/** What changes the file as a whole; running it twice does no harm. */
const ALONE = new Set(['journal_mode', 'auto_vacuum', 'page_size', 'wal_checkpoint', 'incremental_vacuum']);

function mustStandAlone(kind: Kind): boolean {
  return (kind.is === 'vacuum' && !kind.into) || (kind.is === 'pragma' && ALONE.has(kind.name) && kind.value !== null);
}

function refusal(kind: Kind, alone: boolean): string | null {
  if (kind.is === 'attach') return 'ATTACH and DETACH reach into other files, which are neither locked nor backed up';
  if (kind.is === 'vacuum' && kind.into) return 'VACUUM INTO writes another file';
  if (kind.is === 'transaction') return 'ROLLBACK takes back what the ledger would say has run';
  if (alone || !mustStandAlone(kind)) return null;
  return `${kind.is === 'pragma' ? `PRAGMA ${kind.name}` : 'VACUUM'} works outside of a transaction only: give it a migration of its own`;
}
