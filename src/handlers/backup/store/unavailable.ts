/** What a file system's refusal means for the person who has to mend it. */
import { FaberError } from '../../../contract/failure.js';

const REASONS: Record<string, { reason: string; suggestion: string }> = {
  ENOSPC: { reason: 'no space left on the disk', suggestion: 'Free disk space, or point backup.location at a larger disk' },
  EDQUOT: { reason: 'the disk quota is used up', suggestion: 'Free disk space, or raise the quota' },
  EFBIG: { reason: 'the file is larger than this disk or process allows', suggestion: 'Raise the file size limit, or use another file system' },
  EACCES: { reason: 'permission denied', suggestion: 'Let the user that runs the worker read and write backup.location' },
  EPERM: { reason: 'operation not permitted', suggestion: 'Let the user that runs the worker read and write backup.location' },
  EROFS: { reason: 'the file system is read-only', suggestion: 'Mount it writable, or change backup.location' },
  ENOTDIR: { reason: 'a part of the path is not a folder', suggestion: 'Correct backup.location' },
  EEXIST: { reason: 'a file is where a folder should be', suggestion: 'Correct backup.location' },
  EIO: { reason: 'the disk reported an input/output error', suggestion: 'Check the disk before anything else' },
  ELOOP: { reason: 'a symbolic link is where a file of the store should be', suggestion: 'Remove the link; the store follows none' },
  ENOENT: { reason: 'it is not there', suggestion: 'Check that the disk of the store is mounted' },
};

/** The reason behind an errno in words, or null for an error that is none. */
export function fileFault(error: unknown): { reason: string; suggestion: string } | null {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return (code !== undefined && REASONS[code]) || null;
}

/** Turns any error of the store's file system into `store_unavailable`; a FaberError stays what it is. */
export function storeUnavailable(doing: string, location: string, error: unknown): FaberError {
  if (error instanceof FaberError) return error;
  const fault = fileFault(error);
  const reason = fault?.reason ?? (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error));
  return new FaberError(
    {
      code: 'store_unavailable',
      message: `Could not ${doing} in the backup store ${location}: ${reason}`,
      result: { location, reason },
      suggestions: [fault?.suggestion ?? 'Check the folder of the store'],
    },
    { cause: error },
  );
}
