/** Whether a down script would lose data, found out in the transaction that runs it. */
import { FaberError } from '../../../../contract/failure.js';
import type { Session } from '../../../database/contract.js';
import { scriptEffects, type Taken } from './effects.js';
import type { Script } from './parse.js';
import type { Tables } from './tables.js';
import { quoted } from './tokens.js';

export interface LossCheck {
  name: string;
  up: Script;
  /** Tables before the up script, as the migrations made them. */
  before: Tables;
  down: Script;
  /** Tables as they are. */
  tables: Tables;
  /** Whether others wrote to the database since the up script: SQLite does not tell who wrote a row. */
  quiet: { proven: boolean; reason: string };
}

/**
 * Refuses unless nothing is lost: the up script removed nothing, and either nobody else has written since it ran, or what the down
 * script takes away is empty.
 * @param session in the transaction that will run the down script, so that no writer comes in between
 * @throws FaberError would_lose_data
 */
export async function refuseLosses(session: Session, { name, up, before, down, tables, quiet }: LossCheck): Promise<void> {
  if (up.error || down.error) throw wouldLose(name, 'its scripts cannot be read');
  const removed = scriptEffects(up, before).find((effect) => effect.destroys !== 'no');
  if (removed) throw wouldLose(name, `what the script did in line ${removed.line} does not come back (${removed.message})`);
  if (quiet.proven) return;
  for (const { destroys, taken, message } of scriptEffects(down, tables)) {
    if (destroys === 'no') continue;
    if (taken === null) throw wouldLose(name, `its down script may lose data (${message})`);
    for (const place of taken) if (await holdsData(session, place)) throw wouldLose(name, `${place.table}${place.column === null ? '' : `, column ${place.column},`} is not empty, and ${quiet.reason}`);
  }
}

async function holdsData(session: Session, { table, column }: Taken): Promise<boolean> {
  const there = await session.query('SELECT 1 FROM sqlite_master WHERE type = ? AND name = ? COLLATE NOCASE', ['table', table]);
  if (there.length === 0) return false;
  return (await session.query(`SELECT 1 FROM ${quoted(table)} t ${column === null ? '' : `WHERE t.${quoted(column)} IS NOT NULL`} LIMIT 1`)).length > 0;
}

function wouldLose(name: string, why: string): FaberError {
  return new FaberError({
    code: 'would_lose_data',
    message: `Reverting ${name} would lose data: ${why}. It was not reverted.`,
    result: { migration: name },
    suggestions: ['Keep the migration and mend it forward, or have a person decide to revert it and take the loss.'],
  });
}
