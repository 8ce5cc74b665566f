/** Classification of a migration by the real grammar: transaction, undo, risk, findings with line numbers. */
import type { Finding } from '../../../../contract/plan.js';
import type { Risk } from '../../../../contract/settings.js';
import type { Classification, Migration } from '../../contract.js';
import { classification, type ReadDown } from '../classification.js';
import { enumValuesUsedTooEarly } from './enum-values.js';
import { parseScript, type Script } from './parse.js';
import { scriptEffects } from './script-effects.js';
import { planTransaction, type TransactionPlan } from './transaction.js';

/** Classifies a migration, by the rules that all database systems share. */
export async function classify(migration: Migration): Promise<Classification> {
  const script = await parseScript(migration.up);
  const plan = planTransaction(script);
  const up = {
    transaction: plan.transaction, statements: script.statements.length, effects: scriptEffects(script),
    findings: scriptFindings(script, plan), risks: planRisks(script, plan),
  };
  return classification(migration, up, migration.down === null ? null : await readDown(migration.down));
}

async function readDown(bytes: Uint8Array): Promise<ReadDown> {
  const script = await parseScript(bytes);
  return { refused: whyRefused(script), statements: script.statements.length, effects: () => scriptEffects(script) };
}

function whyRefused(script: Script): ReadDown['refused'] {
  if (script.error) return { message: 'down.sql is not PostgreSQL by the grammar; only a restore undoes this migration', level: 'danger' };
  const plan = planTransaction(script);
  if (plan.ownTransactions.length > 0) return { message: 'down.sql begins or ends transactions itself and is not used' };
  return plan.refused[0] === undefined ? null : { message: `down.sql holds ${plan.refused[0].what} beside other statements and is not used` };
}

function scriptFindings(script: Script, plan: TransactionPlan): Finding[] {
  const findings: Finding[] = [];
  if (script.error) findings.push(unreadable('The script', script.error.line));
  if (script.byteOrderMark) findings.push({ level: 'info', message: 'The file begins with a byte order mark; it is left out when the script runs', line: 1 });
  for (const { statement, sqlState, what } of plan.refused) {
    const advice = sqlState === '25001' ? 'give it a migration of its own' : 'give the block a migration of its own';
    findings.push({ level: 'danger', message: `${what} beside other statements will fail with ${sqlState}: ${advice}`, line: statement.line });
  }
  if (plan.ownTransactions.length > 0) {
    findings.push({
      level: 'danger',
      message: 'The script begins or ends transactions itself: when it fails in the middle, what it committed stays, and a person must decide',
      line: plan.ownTransactions[0]!.line,
    });
  } else if (plan.transaction === 'standalone') {
    findings.push({ level: 'info', message: 'Runs outside a transaction, alone', line: script.statements[0]?.line ?? 1 });
  }
  for (const { line, type } of enumValuesUsedTooEarly(script.statements)) {
    findings.push({ level: 'danger', message: `Uses a value of the enum ${type} that the same script adds: PostgreSQL refuses it with 55P04; add the value in an earlier migration`, line });
  }
  return findings;
}

function unreadable(what: string, line: number | null): Finding {
  return { level: 'danger', message: `${what} is not PostgreSQL by the grammar; it will run as one transaction and probably fail`, ...(line === null ? {} : { line }) };
}

function planRisks(script: Script, plan: TransactionPlan): Risk[] {
  const risks: Risk[] = [];
  if (script.error || plan.refused.length > 0 || plan.ownTransactions.length > 0) risks.push('high');
  if (plan.transaction === 'standalone') risks.push('medium');
  return risks;
}
