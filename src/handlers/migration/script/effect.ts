/** What one statement does to data, to locks and to the applications that run beside it. */
import type { Finding } from '../../../contract/plan.js';
import type { Risk, StatementKind } from '../../../contract/settings.js';

/** `destroys`: existing data is gone afterwards; `maybe`: the script does not tell (code that runs unseen). */
export interface Effect {
  destroys: 'no' | 'maybe' | 'yes';
  risk: Risk;
  level: Finding['level'];
  message: string;
  /** Set where a config may forbid such a statement. */
  kind?: StatementKind;
}

/**
 * Tables and columns (`table.column`) that the script created itself: nobody uses them yet, so locks, missing defaults and
 * overwriting do not matter.
 */
export type Fresh = ReadonlySet<string>;

export const destroys = (message: string, risk: Risk = 'destructive'): Effect => ({ destroys: 'yes', risk, level: 'danger', message });
/** As `destroys`, of a kind that a config may forbid. */
export const destroysAs = (kind: StatementKind, message: string): Effect => ({ ...destroys(message), kind });
export const opaque = (message: string, risk: Risk = 'medium'): Effect => ({ destroys: 'maybe', risk, level: 'warning', message });
export const caution = (message: string, risk: Risk = 'high'): Effect => ({ destroys: 'no', risk, level: 'warning', message });
export const note = (message: string, risk: Risk = 'low'): Effect => ({ destroys: 'no', risk, level: 'info', message });
