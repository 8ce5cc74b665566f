/** How our sessions are called in the server's list (`application_name`), by which a fence finds those of earlier holders. */
import { createHash } from 'node:crypto';
import type { Fence } from '../contract.js';

const PREFIX = 'faber-db';

/** Purposes that only read, or hold no more than a snapshot: ending a backup that another operation takes would gain nothing. */
const READING_PURPOSES = ['read', 'backup', 'ledger', 'outcome', 'compare', 'preflight'];

/** Sessions with this prefix only read. */
export const READING = `${PREFIX} read`;
/** Sessions with this prefix change something; a newer fence ends them. */
export const CHANGING = `${PREFIX} change`;

export const readingName = (what: string) => `${READING} ${what}`;
export const purposeName = (purpose: string) => `${PREFIX} ${purpose}`;
export const changingName = (fence: Pick<Fence, 'operationId'>) => `${CHANGING} ${fence.operationId}`;

/** A dump of an operation. It only reads, but its locks would stand in the way of its own operation's change. */
export const backupPurpose = (operationId: string | null) =>
  operationId === null ? 'backup' : `backup ${createHash('sha256').update(operationId).digest('hex').slice(0, 12)}`;

/** SQL condition on `application_name`: a session of ours that may change something. Unknown purposes count as such. */
export const MAY_CHANGE = `application_name LIKE '${PREFIX}%' AND application_name !~ '^${PREFIX} (${READING_PURPOSES.join('|')})( |$)'`;
/** SQL condition on `application_name`: not one of ours. */
export const FOREIGN = `application_name NOT LIKE '${PREFIX}%'`;
