/** Checksums of scripts, as ledgers and plans keep them. */
import { createHash } from 'node:crypto';

/** sha256 (hex) over the bytes, as ledgers and plans keep it. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Whether the bytes have this sha256, also as a checkout with the other line endings: that is the same script. */
export function matchesChecksum(bytes: Uint8Array, digest: string): boolean {
  if (sha256(bytes) === digest) return true;
  const unix = Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
  if (sha256(unix) === digest) return true;
  return sha256(Buffer.from(unix.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')) === digest;
}
