/** Classification of a migration: transaction, undo, risk, findings with line numbers. */
import type { Finding } from '../../../../contract/plan.js';
import type { Classification, Migration } from '../../contract.js';
import { classification, type ReadDown } from '../classification.js';
import { scriptEffects } from './effects.js';
import { parseScript, type Script } from './parse.js';
import { tablesMadeBy, type Tables } from './tables.js';
import { planTransaction, type TransactionPlan } from './transaction.js';

/**
 * Classifies a migration, by the rules that all database systems share.
 * @param before the migrations before this one, in order: whether a rebuilt table keeps all its columns is told by them
 */
export function classify(migration: Migration, before: readonly Pick<Migration, 'up'>[] = []): Classification {
  const script = parseScript(migration.up);
  const plan = planTransaction(script);
  const earlier = before.map(({ up }) => up);
  const risks = [...(script.error || plan.refused.length > 0 ? ['high' as const] : []), ...(plan.transaction === 'standalone' ? ['medium' as const] : [])];
  const up = {
    transaction: plan.transaction, statements: script.statements.length, effects: scriptEffects(script, tablesMadeBy(earlier)),
    findings: scriptFindings(script, plan), risks,
  };
  return classification(migration, up, migration.down === null ? null : readDown(migration.down, tablesMadeBy([...earlier, migration.up])));
}

function readDown(bytes: Uint8Array, tables: Tables): ReadDown {
  const script = parseScript(bytes);
  return { refused: whyRefused(script), statements: script.statements.length, effects: () => scriptEffects(script, tables) };
}

function whyRefused(script: Script): ReadDown['refused'] {
  if (script.error) return { message: 'down.sql is not SQLite; only a restore undoes this migration', level: 'danger' };
  const [refused] = planTransaction(script).refused;
  return refused === undefined ? null : { message: `down.sql is not used: ${refused.reason}` };
}

function scriptFindings(script: Script, plan: TransactionPlan): Finding[] {
  const findings: Finding[] = [];
  if (script.error) findings.push({ level: 'danger', message: 'The script is not SQLite from here on (a literal without end, or a stray character); it will fail', line: script.error.line });
  if (script.byteOrderMark) findings.push({ level: 'info', message: 'The file begins with a byte order mark; it is left out when the script runs', line: 1 });
  for (const { statement, reason } of plan.refused) findings.push({ level: 'danger', message: `This migration will fail: ${reason}`, line: statement.line });
  if (plan.leftOut.length > 0) findings.push({ level: 'info', message: 'BEGIN and COMMIT of the script are left out: one transaction holds all of it, and the ledger row', line: plan.leftOut[0]!.line });
  if (plan.withoutForeignKeys) findings.push({ level: 'info', message: 'Runs without enforcing foreign keys; before it is committed they are checked' });
  if (plan.transaction === 'standalone') findings.push({ level: 'info', message: 'Runs outside a transaction, alone', line: script.statements[0]?.line ?? 1 });
  return findings;
}
