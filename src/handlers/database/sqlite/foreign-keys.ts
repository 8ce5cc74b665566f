/** Rows that refer to none, by child and parent table. */
import type { Connection } from './connection.js';
import { plainError } from './failure.js';

/** `PRAGMA foreign_key_check` looks at every row, whether foreign keys are enforced or not. */
export async function violations(connection: Connection): Promise<Map<string, number>> {
  const rows = await connection.query<{ child: string; parent: string; n: number }>('SELECT "table" AS child, parent, count(*) AS n FROM pragma_foreign_key_check GROUP BY 1, 2');
  return new Map(rows.map(({ child, parent, n }) => [`${child} → ${parent}`, n]));
}

/** @throws ScriptError for violations that were not there before */
export async function refuseNewViolations(connection: Connection, before: ReadonlyMap<string, number>): Promise<void> {
  const found = [...(await violations(connection))].filter(([which, n]) => n > (before.get(which) ?? 0));
  if (found.length === 0) return;
  const told = found.map(([which, n]) => `${which}: ${n - (before.get(which) ?? 0)} row(s)`).join(', ');
  throw plainError('SQLITE_CONSTRAINT_FOREIGNKEY', `the script leaves rows that refer to none (${told}); it ran without enforcing foreign keys, and was rolled back`);
}
