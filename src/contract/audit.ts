/** One audit record an operation: a JSON line in the store, the row in `faber_db.operations`, and the logs plugin. */
import { z } from 'zod';
import { RecordedDecision, RefusedDecision } from './decision.js';

export const AuditRecord = z.object({
  log_type: z.literal('database_operation'),
  record_id: z.string().describe('The same for every delivery of this record'),
  operation_id: z.string(),
  run_id: z.string(),
  operation: z.string(),
  environment: z.string(),
  status: z.enum(['success', 'error', 'cancelled']),
  code: z.string().optional(),
  duration_seconds: z.number(),
  backup_id: z.string().nullable(),
  migrations_applied: z.number().int(),
  plan_hash: z.string().nullable(),
  requested_by: z.string(),
  decisions: z.array(RecordedDecision),
  refused_decisions: z.array(RefusedDecision),
  timestamp: z.string(),
});
export type AuditRecord = z.infer<typeof AuditRecord>;
