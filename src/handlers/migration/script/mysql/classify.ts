/** Classification of a migration: how it runs, undo, risk, findings with line numbers. */
import type { Finding } from '../../../../contract/plan.js';
import type { Classification, Migration } from '../../contract.js';
import { classification, type ReadDown } from '../classification.js';
import { scriptEffects } from './effects.js';
import { planScript, type ScriptPlan } from './plan.js';
import { parseScript, type Script } from './statements.js';

/** Classifies a migration, by the rules that all database systems share. Pure. */
export function classify(migration: Migration): Classification {
  const script = parseScript(migration.up);
  const plan = planScript(script);
  const risks = script.error || plan.refused.length > 0 ? ['high' as const] : [];
  const up = { transaction: plan.transaction, statements: script.statements.length, effects: scriptEffects(script), findings: scriptFindings(script, plan), risks };
  return classification(migration, up, migration.down === null ? null : readDown(migration.down));
}

function readDown(bytes: Uint8Array): ReadDown {
  const script = parseScript(bytes);
  return { refused: whyRefused(script), statements: script.statements.length, effects: () => scriptEffects(script) };
}

function whyRefused(script: Script): ReadDown['refused'] {
  if (script.error) return { message: `down.sql cannot be read (${script.error.what}); only a restore undoes this migration`, level: 'danger' };
  const [refused] = planScript(script).refused;
  return refused === undefined ? null : { message: `down.sql is not used: ${refused.what}` };
}

function scriptFindings(script: Script, plan: ScriptPlan): Finding[] {
  const findings: Finding[] = [];
  if (script.error) findings.push({ level: 'danger', message: `The script will not be run: ${script.error.what}`, ...(script.error.line === null ? {} : { line: script.error.line }) });
  if (script.byteOrderMark) findings.push({ level: 'info', message: 'The file begins with a byte order mark; it is left out when the script runs', line: 1 });
  for (const { line, what } of plan.refused) findings.push({ level: 'danger', message: `The script will not be run: ${what}`, line });
  const changing = plan.changes.filter(({ kind }) => kind !== 'reads' && kind !== 'sets').length;
  if (plan.transaction === 'standalone' && changing > 1) {
    findings.push({ level: 'info', message: 'MySQL commits each schema change by itself: it runs statement by statement, and where it fails in the middle, what ran is taken back if that is sure to lose nothing, else a person decides', line: script.statements[0]?.line ?? 1 });
  }
  return findings;
}
