/** Names of files that we make beside a database. They follow from the operation, so that a second attempt finds what the first left. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';

/** Where a restore is prepared. */
export const sideName = (database: string, operationId: string) => `${database}.faber-db-side-${shortHash(database, operationId)}`;

/** Where the replaced database is kept. */
export const keptName = (database: string, operationId: string) => `${database}.replaced-${shortHash(database, operationId)}`;

/** Whether a file may be one that a restore of this one replaced: by its name alone, which anybody can give. */
export const looksReplaced = (database: string, name: string) => name.startsWith(`${database}.replaced-`) && /^[0-9a-f]{10}$/.test(name.slice(`${database}.replaced-`.length));

const shortHash = (database: string, id: string) => createHash('sha256').update(`${database}\0${id}`).digest('hex').slice(0, 10);

/** What SQLite and we keep beside a file while it is used. */
const BESIDE = ['', '-wal', '-shm', '-journal', '.faber-db', '.faber-db-journal', '.faber-db-wal', '.faber-db-shm'];

/** A file of ours with all that belongs to it. */
export async function removeFile(file: string): Promise<void> {
  for (const ending of BESIDE) await rm(file + ending, { force: true });
}
