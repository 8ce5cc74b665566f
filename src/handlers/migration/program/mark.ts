/** What our own step says of a migration that is a program, in the column for the key of the ledger's row: tools keep no checksums. */

export interface Mark {
  sha256: string;
  direction: 'up' | 'down';
  /** Of the attempt, by which its step is found again. */
  attempt: string;
  /** What names the database as long as it is not restored from a backup: a step is left over by a restore, what it did is not. */
  incarnation: string;
  /** What ran was not what was tried: nothing that was judged by the trial holds. */
  differs: boolean;
}

const FORM = /^program (up|down) ([0-9a-f]{64}) ([0-9a-f-]{36}) (\S+?)( differs)?$/;

export function writeMark({ direction, sha256, attempt, incarnation, differs }: Mark): string {
  return `program ${direction} ${sha256} ${attempt} ${incarnation}${differs ? ' differs' : ''}`;
}

/** null for the steps of others, such as a seed. */
export function readMark(text: string | null): Mark | null {
  const [, direction, sha256, attempt, incarnation, differs] = FORM.exec(text ?? '') ?? [];
  if (direction === undefined || sha256 === undefined || attempt === undefined || incarnation === undefined) return null;
  return { direction: direction as Mark['direction'], sha256, attempt, incarnation, differs: differs !== undefined };
}
