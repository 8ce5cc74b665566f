/** The digest by which a repeated operation id is recognised as the same request. Not for workflows: needs node:crypto. */
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical.js';
import type { Request } from './operation.js';

/** sha256 (hex) of the canonical JSON of a parsed request: who asked, and the order of keys, do not matter. */
export function requestDigest(request: Request): string {
  return createHash('sha256').update(canonicalJson({ operation: request.operation, parameters: request.parameters })).digest('hex');
}
