/**
 * The mark of a generated down script. Such a script brings the schema back and no data, and it is the reverse of one
 * certain up script; nobody may take it for one that a person thought through.
 */
import { matchesChecksum, sha256 } from './checksum.js';

const MARK = /^-- Generated down of migration\.sql sha256:([0-9a-f]{64})\b/;

/** The first line of a generated down. A person who has made the script their own deletes it. */
export function generatedMark(up: Uint8Array): string {
  return `-- Generated down of migration.sql sha256:${sha256(up)}. It brings the schema back, and no data.\n`
    + '-- faber-db trusts it only as long as migration.sql is the same. Delete these two lines once the script is your own.\n';
}

export type DownOrigin =
  /** Hand-written, or made one's own. */
  | 'written'
  | 'generated'
  /** Generated, for another up script than the one beside it. */
  | 'outdated';

/** Where a down script is from, by its first line. */
export function originOf(down: Uint8Array, up: Uint8Array): DownOrigin {
  const first = Buffer.from(down.subarray(0, 200)).toString('utf8').replace(/^\uFEFF/, '');
  const digest = MARK.exec(first)?.[1];
  if (digest === undefined) return 'written';
  return matchesChecksum(up, digest) ? 'generated' : 'outdated';
}
