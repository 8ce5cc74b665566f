/** What of a classification is the same whatever database system reads the script: when a down is used, what an undo loses, how risks add up. */
import type { Finding, TransactionClass, UndoClass } from '../../../contract/plan.js';
import { Risk } from '../../../contract/settings.js';
import type { Classification, Migration } from '../contract.js';
import type { Effect } from './effect.js';
import { originOf } from './generated-down.js';

/** An up script as it was read. */
export interface ReadUp {
  transaction: TransactionClass;
  statements: number;
  /** With the line of the statement that has each. */
  effects: readonly (Effect & { line: number })[];
  /** Of the script as a whole; those of its effects come after them. */
  findings: readonly Finding[];
  risks: readonly Risk[];
}

/** A down script as it was read. */
export interface ReadDown {
  /** Why it is not run at all; a warning where no level is given. */
  refused: { message: string; level?: Finding['level'] } | null;
  statements: number;
  effects: () => readonly Effect[];
}

interface DownVerdict { usable: boolean; effects: readonly Effect[]; findings: Finding[] }

/**
 * Classifies a migration. An undo is `lossless` only when neither direction can touch a row: a down that drops what the
 * up created is `lossy`, since it takes along what was written in between.
 * @param down null: the migration has none
 */
export function classification(migration: Migration, up: ReadUp, down: ReadDown | null): Classification {
  const verdict = judgeDown(migration, up, down);
  const own = up.effects.map(({ level, message, line, kind }): Finding => ({ level, message, line, ...(kind ? { kind } : {}) }));
  const risks = [...up.effects.map(({ risk }) => risk), ...up.risks];
  return {
    transaction: up.transaction,
    undo: undoClass(up.effects, verdict),
    risk: Risk.options[Math.max(0, ...risks.map((risk) => Risk.options.indexOf(risk)))]!,
    findings: [...up.findings, ...own, ...verdict.findings].map((finding) => ({ ...finding, migration: migration.name })),
    statements: up.statements,
  };
}

function judgeDown(migration: Migration, up: ReadUp, down: ReadDown | null): DownVerdict {
  const unusable = (message: string, level: Finding['level'] = 'warning'): DownVerdict => ({ usable: false, effects: [], findings: [{ level, message }] });
  if (!migration.down || down === null) return unusable('No down.sql: only a restore undoes this migration', 'info');
  if (down.refused) return unusable(down.refused.message, down.refused.level);
  if (down.statements === 0 && up.statements > 0) return unusable('down.sql is empty; only a restore undoes this migration');
  const origin = originOf(migration.down, migration.up);
  if (origin === 'outdated') return unusable('down.sql was generated for another migration.sql and is not used');
  if (origin === 'generated' && destroysData(up.effects)) {
    return unusable('down.sql is generated, and migration.sql destroys data that no script brings back: only a restore undoes this migration');
  }
  return { usable: true, effects: down.effects(), findings: [] };
}

function undoClass(up: readonly Effect[], down: DownVerdict): UndoClass {
  if (!down.usable) return 'restore_only';
  return destroysData([...up, ...down.effects]) ? 'lossy' : 'lossless';
}

const destroysData = (effects: readonly Effect[]) => effects.some((effect) => effect.destroys !== 'no');
