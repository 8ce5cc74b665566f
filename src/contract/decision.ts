/** Decisions of people: approving a plan, refusing it, and choosing a way out after a failure. */
import { z } from 'zod';
import { Resolution } from './operation.js';
import { WayOut } from './response.js';
import { Verification } from './settings.js';

const plan = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[0-9a-f]{8,64}$/, 'must be the first 8 or more hex digits of the plan hash')
  .describe('The first 8 or more hex digits of plan_hash');
const by = z.string().trim().min(1).max(200).describe('Who decides');
const comment = z.string().max(2000).optional();

/** Far above what a signature of 4096 bits and a long comment take. */
const token = z.string().max(16_000).regex(/^[\w-]+(\.[\w-]*)*$/, 'must be a JWT').describe('A signed decision: a JWT, as `faber-db approve --sign` makes it');

/** Payload of the signals `approve` and `reject`. Unknown keys are ignored: a signal must never be lost to a typo. */
export const Verdict = z.object({ plan, by, comment, resolve: Resolution.optional() });
export type Verdict = z.infer<typeof Verdict>;

/** The same where decisions are signed: who decides, the comment and the resolution stand in the token. */
export const SignedVerdict = z.object({ plan, token });
/** The same where the server says who decides: a `by` in the payload counts for nothing. */
export const PrincipalVerdict = Verdict.omit({ by: true });

/** Payload of the update `decide`. */
export const Decision = z
  .strictObject({
    decision: z.enum(['approve', 'reject', ...WayOut.options]),
    plan,
    by: by.optional(),
    comment,
    resolve: Resolution.optional(),
    token: token.optional(),
  })
  .refine((d) => d.by !== undefined || d.token !== undefined, { error: 'say who decides', path: ['by'] });
export type Decision = z.infer<typeof Decision>;

/** Payload of the signal `resolve`: the way out after a failure that waits for a person. */
export const WayOutDecision = z.object({ choice: WayOut, by, comment, resolve: Resolution.optional() });
export type WayOutDecision = z.infer<typeof WayOutDecision>;
export const SignedWayOut = z.object({ choice: WayOut, token });
export const PrincipalWayOut = WayOutDecision.omit({ by: true });

/** Claims of a signed decision. Others (`iat`, `nbf`, `iss`, `aud`) are judged by the JOSE library. */
export const DecisionClaims = z.object({
  sub: by.describe('Who decides'),
  jti: z.string().min(1).max(200).describe('Makes the token count once'),
  iat: z.number(),
  exp: z.number(),
  operation: z.string().min(1).max(1000).describe('Id of the operation'),
  run: z.string().max(100).optional().describe('Run of the workflow; without it the token must be younger than the run'),
  plan: z.string().regex(/^[0-9a-f]{64}$/, 'must be the whole plan hash'),
  decision: z.enum(['approve', 'reject', ...WayOut.options]),
  comment,
  resolve: Resolution.optional(),
});
export type DecisionClaims = z.infer<typeof DecisionClaims>;

/** A decision that counted, as the audit keeps it. */
export const RecordedDecision = z.object({
  decision: z.string(),
  by: z.string(),
  comment: z.string().optional(),
  at: z.string(),
  verification: Verification,
  key_id: z.string().optional().describe('With signed: the key that verified it'),
  plan: z.string(),
});
export type RecordedDecision = z.infer<typeof RecordedDecision>;

/** How far the name in a decision can be relied on, in the words that plan, answer and audit use. */
export function verificationWords({ verification, key_id }: Pick<RecordedDecision, 'verification' | 'key_id'>): string {
  if (verification === 'signed') return `approver verified by signature (${key_id ?? 'key unknown'})`;
  return verification === 'principal' ? 'approver verified by principal' : 'approver not verified';
}

/** The reason that is given to who asked for an operation and approves it. */
export const REQUESTER_MAY_NOT_APPROVE = 'who asked for the operation may not approve it';

/** A decision that did not count, with the reason. */
export const RefusedDecision = z.object({ decision: z.string(), by: z.string().nullable(), reason: z.string(), at: z.string() });
export type RefusedDecision = z.infer<typeof RefusedDecision>;
