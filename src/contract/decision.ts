/** Decisions of people: approving a plan, refusing it, and choosing a way out after a failure. */
import { z } from 'zod';
import { Resolution } from './operation.js';
import { WayOut } from './response.js';

const plan = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[0-9a-f]{8,64}$/, 'must be the first 8 or more hex digits of the plan hash')
  .describe('The first 8 or more hex digits of plan_hash');
const by = z.string().trim().min(1).max(200).describe('Who decides');
const comment = z.string().max(2000).optional();

/** Payload of the signals `approve` and `reject`. Unknown keys are ignored: a signal must never be lost to a typo. */
export const Verdict = z.object({ plan, by, comment, resolve: Resolution.optional() });
export type Verdict = z.infer<typeof Verdict>;

/** Payload of the update `decide`. */
export const Decision = z.strictObject({
  decision: z.enum(['approve', 'reject', ...WayOut.options]),
  plan,
  by,
  comment,
  resolve: Resolution.optional(),
});
export type Decision = z.infer<typeof Decision>;

/** Payload of the signal `resolve`: the way out after a failure that waits for a person. */
export const WayOutDecision = z.object({ choice: WayOut, by, comment, resolve: Resolution.optional() });
export type WayOutDecision = z.infer<typeof WayOutDecision>;

/** A decision that counted, as the audit keeps it. */
export const RecordedDecision = z.object({
  decision: z.string(),
  by: z.string(),
  comment: z.string().optional(),
  at: z.string(),
  verification: z.enum(['claimed']),
  plan: z.string(),
});
export type RecordedDecision = z.infer<typeof RecordedDecision>;

/** A decision that did not count, with the reason. */
export const RefusedDecision = z.object({ decision: z.string(), by: z.string().nullable(), reason: z.string(), at: z.string() });
export type RefusedDecision = z.infer<typeof RefusedDecision>;
