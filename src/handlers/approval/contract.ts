/** The port of what verifies signed decisions. Knows nothing of operations beyond their id, plan and decisions. */
import type { DecisionClaims } from '../../contract/decision.js';
import type { SignatureSettings } from '../../contract/settings.js';

/** What a token must be about. */
export interface Expected {
  operation_id: string;
  run_id: string;
  plan_hash: string;
  decision: string;
  /** Milliseconds since the epoch: a token that names no run must not have been made before. */
  not_before: number;
}

export type TokenVerdict =
  | { ok: true; claims: DecisionClaims; key_id: string }
  /** `by` is what the token says, which was not verified. */
  | { ok: false; by: string | null; reason: string };

/**
 * Verifies one signed decision.
 * @throws KeysUnavailable when the key set cannot be fetched now: nothing is known about the token then
 */
export type VerifyToken = (token: string, expected: Expected, settings: SignatureSettings) => Promise<TokenVerdict>;

export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}
