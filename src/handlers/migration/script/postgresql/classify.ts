/** Classification of a migration by the real grammar: transaction, undo, risk, findings with line numbers. */
import type { Finding, UndoClass } from '../../../../contract/plan.js';
import { Risk } from '../../../../contract/settings.js';
import type { Classification, Migration } from '../../contract.js';
import type { Effect } from '../effect.js';
import { enumValuesUsedTooEarly } from './enum-values.js';
import { originOf } from '../generated-down.js';
import { parseScript, type Script } from './parse.js';
import { scriptEffects, type PlacedEffect } from './script-effects.js';
import { planTransaction, type TransactionPlan } from './transaction.js';

/**
 * Classifies a migration. An undo is `lossless` only when neither direction can touch a row: a down that drops what the
 * up created is `lossy`, since it takes along what was written in between.
 */
export async function classify(migration: Migration): Promise<Classification> {
  const script = await parseScript(migration.up);
  const plan = planTransaction(script);
  const effects = scriptEffects(script);
  const down = await judgeDown(migration);
  const findings = [...scriptFindings(script, plan), ...effects.map(asFinding), ...down.findings]
    .map((finding) => ({ ...finding, migration: migration.name }));
  const risks = [...effects.map((effect) => effect.risk), ...planRisks(script, plan)];
  return {
    transaction: plan.transaction,
    undo: undoClass(effects, down),
    risk: Risk.options[Math.max(0, ...risks.map((risk) => Risk.options.indexOf(risk)))]!,
    findings,
    statements: script.statements.length,
  };
}

const asFinding = ({ level, message, line, kind }: PlacedEffect): Finding => ({ level, message, line, ...(kind ? { kind } : {}) });

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

interface DownVerdict { usable: boolean; effects: Effect[]; findings: Finding[] }

async function judgeDown(migration: Migration): Promise<DownVerdict> {
  const unusable = (message: string, level: Finding['level'] = 'warning'): DownVerdict => ({ usable: false, effects: [], findings: [{ level, message }] });
  if (!migration.down) return unusable('No down.sql: only a restore undoes this migration', 'info');
  const script = await parseScript(migration.down);
  if (script.error) return unusable('down.sql is not PostgreSQL by the grammar; only a restore undoes this migration', 'danger');
  const plan = planTransaction(script);
  if (plan.ownTransactions.length > 0) return unusable('down.sql begins or ends transactions itself and is not used');
  if (plan.refused.length > 0) return unusable(`down.sql holds ${plan.refused[0]!.what} beside other statements and is not used`);
  const up = await parseScript(migration.up);
  if (script.statements.length === 0 && up.statements.length > 0) return unusable('down.sql is empty; only a restore undoes this migration');
  const origin = originOf(migration.down, migration.up);
  if (origin === 'outdated') return unusable('down.sql was generated for another migration.sql and is not used');
  if (origin === 'generated' && destroysData(scriptEffects(up))) {
    return unusable('down.sql is generated, and migration.sql destroys data that no script brings back: only a restore undoes this migration');
  }
  return { usable: true, effects: scriptEffects(script), findings: [] };
}

function undoClass(up: readonly Effect[], down: DownVerdict): UndoClass {
  if (!down.usable) return 'restore_only';
  return destroysData([...up, ...down.effects]) ? 'lossy' : 'lossless';
}

const destroysData = (effects: readonly Effect[]) => effects.some((effect) => effect.destroys !== 'no');
