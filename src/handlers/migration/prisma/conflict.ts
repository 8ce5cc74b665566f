/** Ledger rows that this operation must not touch. */
import { FaberError } from '../../../contract/failure.js';

/** A begun row that is not this operation's: another runner may still be at work, or died half-way. */
export function otherRunner(name: string): FaberError {
  return new FaberError({
    code: 'history_conflict',
    message: `The ledger has a row of ${name} that another runner began and never finished (Prisma: P3009). Nothing of it was run here.`,
    result: { migration: name },
    suggestions: [
      `Look whether ${name} took effect, then run the operation again with resolve: {"${name}": "applied"} or {"${name}": "rolled_back"}.`,
    ],
  });
}

/** Applied, but not with these bytes. */
export function otherScript(name: string): FaberError {
  return new FaberError({
    code: 'history_conflict',
    message: `${name} was applied by another runner with another script than the approved one. Nothing of it was run here.`,
    result: { migration: name },
    suggestions: ['Find out which script ran (the checksum is in the ledger), and plan again.'],
  });
}
