/** The small files beside a dump, as text. */
import type { BackupRecord } from '../../../contract/backup.js';
import type { Store } from '../contract.js';

export async function writeText(store: Store, backupId: string, name: string, text: string, signal: AbortSignal): Promise<void> {
  const bytes = Buffer.from(text);
  await store.writeFile(backupId, name, { signal, expectedBytes: bytes.length }, (take) => take(bytes));
}

/** @throws FaberError backup_unusable when it is not there. */
export async function readText(store: Store, record: BackupRecord, name: string, signal: AbortSignal): Promise<string> {
  const pieces: Buffer[] = [];
  await store.readFile(record, name, async (piece) => void pieces.push(Buffer.from(piece)), signal);
  return Buffer.concat(pieces).toString('utf8');
}
