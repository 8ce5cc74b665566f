/** What the user of the URL may do, by its grants: asked when a plan is made and not when it is too late. */
import type { Session } from '../../../database/contract.js';

/** Whether views, triggers and routines of these definers can be made: of another user only with a right of the whole server. */
export async function foreignDefiners(session: Session, definers: readonly string[]): Promise<string[]> {
  const [me] = await session.query<{ account: string }>('SELECT CURRENT_USER() AS account');
  const others = definers.filter((definer) => definer !== me!.account && !definer.startsWith("''"));
  if (others.length === 0) return [];
  const grants = (await session.query('SHOW GRANTS')).map((row) => String(Object.values(row)[0]));
  const global = grants.filter((grant) => / ON \*\.\* TO /.test(grant)).join(' ');
  return /\b(ALL PRIVILEGES|SUPER|SET USER|SET_USER_ID|SET_ANY_DEFINER)\b/.test(global) ? [] : others;
}
