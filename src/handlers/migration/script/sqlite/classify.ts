/** Classification of a migration: transaction, undo, risk, findings with line numbers. */
import type { Finding, UndoClass } from '../../../../contract/plan.js';
import { Risk } from '../../../../contract/settings.js';
import type { Classification, Migration } from '../../contract.js';
import type { Effect } from '../effect.js';
import { originOf } from '../generated-down.js';
import { scriptEffects } from './effects.js';
import { parseScript, type Script } from './parse.js';
import { tablesMadeBy, type Tables } from './tables.js';
import { planTransaction, type TransactionPlan } from './transaction.js';

/**
 * As for the other database systems: an undo is `lossless` only when neither direction can touch a row.
 * @param before the migrations before this one, in order: whether a rebuilt table keeps all its columns is told by them
 */
export function classify(migration: Migration, before: readonly Pick<Migration, 'up'>[] = []): Classification {
  const script = parseScript(migration.up);
  const plan = planTransaction(script);
  const earlier = before.map(({ up }) => up);
  const effects = scriptEffects(script, tablesMadeBy(earlier));
  const down = judgeDown(migration, script, effects, tablesMadeBy([...earlier, migration.up]));
  const findings = [...scriptFindings(script, plan), ...effects.map(({ level, message, line, kind }): Finding => ({ level, message, line, ...(kind ? { kind } : {}) })), ...down.findings];
  const risks = [...effects.map((effect) => effect.risk), ...(script.error || plan.refused.length > 0 ? ['high' as const] : []), ...(plan.transaction === 'standalone' ? ['medium' as const] : [])];
  return {
    transaction: plan.transaction,
    undo: undoClass(effects, down),
    risk: Risk.options[Math.max(0, ...risks.map((risk) => Risk.options.indexOf(risk)))]!,
    findings: findings.map((finding) => ({ ...finding, migration: migration.name })),
    statements: script.statements.length,
  };
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

interface DownVerdict { usable: boolean; effects: Effect[]; findings: Finding[] }

function judgeDown(migration: Migration, up: Script, upEffects: readonly Effect[], tables: Tables): DownVerdict {
  const unusable = (message: string, level: Finding['level'] = 'warning'): DownVerdict => ({ usable: false, effects: [], findings: [{ level, message }] });
  if (!migration.down) return unusable('No down.sql: only a restore undoes this migration', 'info');
  const script = parseScript(migration.down);
  if (script.error) return unusable('down.sql is not SQLite; only a restore undoes this migration', 'danger');
  const [refused] = planTransaction(script).refused;
  if (refused) return unusable(`down.sql is not used: ${refused.reason}`);
  if (script.statements.length === 0 && up.statements.length > 0) return unusable('down.sql is empty; only a restore undoes this migration');
  const origin = originOf(migration.down, migration.up);
  if (origin === 'outdated') return unusable('down.sql was generated for another migration.sql and is not used');
  if (origin === 'generated' && destroysData(upEffects)) return unusable('down.sql is generated, and migration.sql destroys data that no script brings back: only a restore undoes this migration');
  return { usable: true, effects: scriptEffects(script, tables), findings: [] };
}

function undoClass(up: readonly Effect[], down: DownVerdict): UndoClass {
  if (!down.usable) return 'restore_only';
  return destroysData([...up, ...down.effects]) ? 'lossy' : 'lossless';
}

const destroysData = (effects: readonly Effect[]) => effects.some((effect) => effect.destroys !== 'no');
