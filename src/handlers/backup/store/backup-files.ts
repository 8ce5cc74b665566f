/** The files of a backup in a local store, written and read in constant memory. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BackupRecord } from '../../../contract/backup.js';
import type { Pieces, StoredFacts, Take } from '../contract.js';
import { unusable } from '../unusable.js';
import { syncFolder, temporaryBeside } from './durable.js';
import { backupFilePath } from './names.js';

const BUFFER_BYTES = 512 * 1024;

/** Mode 0600, synced, and under its name only when it is whole. @throws errors of the file system as they are; what `give` threw */
export async function writeBackupFile(location: string, backupId: string, name: string, signal: AbortSignal, give: Pieces): Promise<StoredFacts> {
  const path = backupFilePath(location, backupId, name);
  const temporary = temporaryBeside(path);
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    const file = await open(temporary, 'wx', 0o600);
    try {
      await give(async (piece) => {
        hash.update(piece);
        for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten;
        bytes += piece.length;
      });
      signal.throwIfAborted();
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return { file: name, size_bytes: bytes, sha256: hash.digest('hex') };
  } finally {
    await rm(temporary, { force: true });
  }
}

/** @throws FaberError backup_unusable; errors of the file system as they are; what `take` threw */
export async function readBackupFile(location: string, record: BackupRecord, name: string, signal: AbortSignal, take: Take): Promise<void> {
  const file = await openPlain(backupFilePath(location, record.backup_id, name)).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? unusable(record, name === record.file ? 'its dump is missing' : `its ${name} is missing`) : error;
  });
  try {
    const isDump = name === record.file;
    const { size } = await file.stat();
    if (isDump && size !== record.size_bytes) throw unusable(record, `its dump has ${size} bytes instead of ${record.size_bytes}`);
    const hash = createHash('sha256');
    // One buffer, used again and again: a stream would allocate as much as the file has.
    const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      hash.update(piece);
      await take(piece);
    }
    if (isDump && hash.digest('hex') !== record.sha256) throw unusable(record, 'its dump is damaged: the sha256 is not that of the manifest');
  } finally {
    await file.close();
  }
}

function openPlain(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
}
