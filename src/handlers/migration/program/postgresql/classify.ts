/** What the statements mean that a program sent when it was tried: the same grammar and rules as for a script. */
import type { Finding } from '../../../../contract/plan.js';
import { Risk } from '../../../../contract/settings.js';
import { maskStatement } from '../../../database/postgresql/mask.js';
import type { Migration } from '../../contract.js';
import { scriptEffects } from '../../script/postgresql/script-effects.js';
import { planTransaction } from '../../script/postgresql/transaction.js';
import type { ProgramSystem } from '../system.js';
import { readSent, type Sent } from './statements.js';

/** What a review can hold of one migration. */
const SHOWN_CHARACTERS = 900;

export async function classifySent({ program }: Migration): ReturnType<ProgramSystem['classify']> {
  const tried = program?.tried;
  if (!tried) return { risk: 'low', findings: [], statements: 0, losesNothing: false, reads: false };
  const up = await readSent(tried.up);
  const effects = scriptEffects(up);
  const downEffects = tried.down === null ? null : scriptEffects(await readSent(tried.down));
  const findings: Finding[] = [
    ...(await shown(tried.up)),
    ...effects.map(({ level, message, kind }): Finding => ({ level, message, ...(kind ? { kind } : {}) })),
    ...refused(up, program.transaction === 'transactional'),
  ];
  if (up.unread > 0) findings.push({ level: 'danger', message: `${up.unread} of its statements are not PostgreSQL by the grammar` });
  const risks = [...effects.map(({ risk }) => risk), ...(up.unread > 0 ? ['high' as const] : [])];
  return {
    risk: Risk.options[Math.max(0, ...risks.map((risk) => Risk.options.indexOf(risk)))]!,
    findings,
    statements: tried.up.length,
    losesNothing: up.unread === 0 && downEffects !== null && [...effects, ...downEffects].every(({ destroys }) => destroys === 'no'),
    reads: up.statements.some(({ node }) => 'SelectStmt' in node && node.SelectStmt.fromClause !== undefined),
  };
}

async function shown(statements: readonly string[]): Promise<Finding[]> {
  if (statements.length === 0) return [{ level: 'info', message: 'On an empty database it sends no statement' }];
  let text = '';
  let at = 0;
  for (; at < statements.length && text.length < SHOWN_CHARACTERS; at++) text += `${at === 0 ? '' : '; '}${(await maskStatement(statements[at]!)) ?? '?'}`;
  const more = statements.length - at;
  return [{ level: 'info', message: `Sends, as tried on an empty database: ${text}${more > 0 ? `; and ${more} more` : ''}` }];
}

/** What PostgreSQL will not run in the tool's transaction was run in it on the scratch database, and failed there. */
function refused(up: Sent, transactional: boolean): Finding[] {
  if (!transactional) return [];
  return up.statements.flatMap(({ node }) => {
    const alone = planTransaction({ ...up, statements: [{ node, start: 0, end: 0, line: 1 }] });
    return alone.transaction === 'standalone' ? [{ level: 'danger' as const, message: 'One of its statements cannot run in a transaction: say so in the migration (for Knex `exports.config = { transaction: false }`)' }] : [];
  });
}
