/** Answers: one JSON object an operation. */
import { z } from 'zod';
import { ErrorCode, Recovery } from './failure.js';

/** What a failed operation still waits for. */
export const WayOut = z.enum(['retry', 'undo', 'restore', 'accept', 'resolve']);
export type WayOut = z.infer<typeof WayOut>;

const Result = z.record(z.string(), z.unknown());

export const SuccessResponse = z.object({
  status: z.literal('success'),
  operation: z.string(),
  environment: z.string().optional(),
  result: Result,
  message: z.string(),
});
export const ErrorResponse = z.object({
  status: z.literal('error'),
  operation: z.string().optional(),
  environment: z.string().optional(),
  code: ErrorCode,
  error: z.string(),
  result: Result.optional(),
  recovery: Recovery,
  /** Set while the operation stays open and waits for a person's decision. */
  waiting_for: z.array(WayOut).optional(),
});
export const CancelledResponse = z.object({
  status: z.literal('cancelled'),
  operation: z.string(),
  environment: z.string().optional(),
  code: ErrorCode.optional(),
  message: z.string(),
  result: Result.optional(),
});
/** The answer to `--detach`. */
export const StartedResponse = z.object({ status: z.literal('started'), workflow_id: z.string(), run_id: z.string() });

export const Response = z.discriminatedUnion('status', [SuccessResponse, ErrorResponse, CancelledResponse]);
export type SuccessResponse = z.infer<typeof SuccessResponse>;
export type ErrorResponse = z.infer<typeof ErrorResponse>;
export type CancelledResponse = z.infer<typeof CancelledResponse>;
export type StartedResponse = z.infer<typeof StartedResponse>;
export type Response = z.infer<typeof Response>;

/** What compensation did, in `result.rollback` of a failed change. */
export const RollbackReport = z.object({
  status: z.enum(['undone', 'nothing_to_undo', 'stopped', 'failed']),
  by: z.enum(['transaction', 'down', 'restore', 'person']).optional().describe('The rung of the undo ladder that did it'),
  verified: z.boolean().optional(),
  reverted: z.array(z.string()).optional(),
  reason: z.string().optional().describe('Why it stopped or failed'),
  waiting_for: z.array(WayOut).optional(),
  costs: z.record(z.string(), z.string()).optional().describe('What each way out would cost'),
});
export type RollbackReport = z.infer<typeof RollbackReport>;
