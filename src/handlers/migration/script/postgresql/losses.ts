/** Whether a down script would lose data, found out under the locks that it takes anyway. */
import pg from 'pg';
import { FaberError } from '../../../../contract/failure.js';
import type { Session, StepRow } from '../../../database/contract.js';
import type { Script } from './parse.js';
import { scriptEffects } from './script-effects.js';
import { takenBy, type Taken } from './taken.js';

/**
 * Refuses unless nothing is lost: the up script removed nothing, and each table or column that the down script drops holds
 * only what the up script itself wrote. Row versions tell their writer (`xmin`), the step rows which transaction was the up
 * script's. A row version of a later migration of the same operation does not count as own: it may have rewritten a row
 * with what others had put into it. Not told by age: a transaction of others that began before the up script may have written after it.
 * @param session in the transaction that will run the down script, so that no writer comes in between; null where no
 *   transaction can hold it, and then only scripts that touch no data pass.
 * @throws FaberError would_lose_data.
 */
export async function refuseLosses(session: Session | null, name: string, up: Script, down: Script, steps: readonly StepRow[]): Promise<void> {
  if (up.error || down.error) throw wouldLose(name, 'its scripts cannot be judged by the grammar');
  const removed = scriptEffects(up).find((effect) => effect.destroys !== 'no');
  if (removed) throw wouldLose(name, `what the script did in line ${removed.line} does not come back (${removed.message})`);
  const own = steps.flatMap((step) => (step.xid !== null && step.migration === name && step.action === 'applied' ? [rowXid(step.xid)] : []));
  for (const { node, destroys, message } of scriptEffects(down)) {
    if (destroys === 'no') continue;
    const taken = takenBy(node);
    if (!session || !taken) throw wouldLose(name, `its down script may lose data (${message})`);
    for (const place of taken) {
      if (await writtenByOthers(session, place, own)) {
        throw wouldLose(name, `${place.table}${place.column === null ? '' : `, column ${place.column},`} holds what others wrote`);
      }
    }
  }
}

async function writtenByOthers(session: Session, { table, column }: Taken, own: readonly string[]): Promise<boolean> {
  const [there] = await session.query<{ there: boolean }>('SELECT pg_catalog.to_regclass($1) IS NOT NULL AS there', [table]);
  if (!there?.there) return false;
  await session.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  // A row that a policy hides is lost all the same: better an error than a count without it.
  await session.query('SET LOCAL row_security = off');
  const rows = await session.query(
    `SELECT FROM ${table} WHERE xmin::text <> ALL ($1::text[]) ${column === null ? '' : `AND ${beyondDefault(table, column)}`} LIMIT 1`,
    [own],
  );
  return rows.length > 0;
}

/** Rows that were there before a column came show its default, which the catalog keeps and which comes back with the column. */
function beyondDefault(table: string, column: string): string {
  const name = pg.escapeIdentifier(column);
  return `${name} IS NOT NULL AND ${name}::text IS DISTINCT FROM (
    SELECT (attmissingval::text::text[])[1] FROM pg_catalog.pg_attribute
     WHERE attrelid = ${pg.escapeLiteral(table)}::regclass AND attname = ${pg.escapeLiteral(column)})`;
}

/** Rows keep the low 32 bits of a transaction id. */
const rowXid = (xid: string) => (BigInt(xid) & 0xffffffffn).toString();

function wouldLose(name: string, why: string): FaberError {
  return new FaberError({
    code: 'would_lose_data',
    message: `Reverting ${name} would lose data: ${why}. It was not reverted.`,
    result: { migration: name },
    suggestions: ['Keep the migration and mend it forward, or have a person decide to revert it and take the loss.'],
  });
}
