/** Classification of a migration: how it runs, undo, risk, findings with line numbers. */
import type { Finding, UndoClass } from '../../../../contract/plan.js';
import { Risk } from '../../../../contract/settings.js';
import type { Classification, Migration } from '../../contract.js';
import type { Effect } from '../effect.js';
import { originOf } from '../generated-down.js';
import { scriptEffects } from './effects.js';
import { planScript, type ScriptPlan } from './plan.js';
import { parseScript, type Script } from './statements.js';

/** See the same of PostgreSQL, whose rules these are. Pure. */
export function classify(migration: Migration): Classification {
  const script = parseScript(migration.up);
  const plan = planScript(script);
  const effects = scriptEffects(script);
  const down = judgeDown(migration);
  const own = effects.map(({ level, message, line, kind }): Finding => ({ level, message, line, ...(kind ? { kind } : {}) }));
  const findings = [...scriptFindings(script, plan), ...own, ...down.findings].map((finding) => ({ ...finding, migration: migration.name }));
  const risks: Risk[] = [...effects.map((effect) => effect.risk), ...(script.error || plan.refused.length > 0 ? ['high' as const] : [])];
  return {
    transaction: plan.transaction,
    undo: undoClass(effects, down),
    risk: Risk.options[Math.max(0, ...risks.map((risk) => Risk.options.indexOf(risk)))]!,
    findings,
    statements: script.statements.length,
  };
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

interface DownVerdict { usable: boolean; effects: Effect[]; findings: Finding[] }

function judgeDown(migration: Migration): DownVerdict {
  const unusable = (message: string, level: Finding['level'] = 'warning'): DownVerdict => ({ usable: false, effects: [], findings: [{ level, message }] });
  if (!migration.down) return unusable('No down.sql: only a restore undoes this migration', 'info');
  const script = parseScript(migration.down);
  if (script.error) return unusable(`down.sql cannot be read (${script.error.what}); only a restore undoes this migration`, 'danger');
  const plan = planScript(script);
  if (plan.refused.length > 0) return unusable(`down.sql is not used: ${plan.refused[0]!.what}`);
  const up = parseScript(migration.up);
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
