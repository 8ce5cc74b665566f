/** Error codes and error answers. One table: the code, when it is used, and the exit code of `faber-db run`. */
import { z } from 'zod';
import { boundedText, boundedTexts } from './bounded.js';

/**
 * Every error code. `family` decides the exit code: configuration and request errors exit 1, a refusal by a person 4,
 * the rest 3 (design: "Callers").
 */
export const ERROR_CODES = {
  invalid_request: { family: 'request', meaning: 'The request is not JSON of the contract, or names something unknown.' },
  config_not_found: { family: 'request', meaning: 'No config file where the request points.' },
  config_invalid: { family: 'request', meaning: 'The config does not follow its schema, holds a secret, or asks for more safety than there is.' },
  environment_not_configured: { family: 'request', meaning: 'The config has no such environment.' },
  connection_not_configured: { family: 'request', meaning: 'The environment variable that should hold the URL is not set on the worker, or is no usable URL.' },
  unsupported: { family: 'request', meaning: 'A provider, tool, host, client or server version that this release cannot work with.' },
  environment_protected: { family: 'request', meaning: 'The operation is refused in a protected environment, whatever flags.' },
  operation_id_conflict: { family: 'request', meaning: 'The operation id was used before, with another request.' },
  operation_not_found: { family: 'request', meaning: 'No operation has this id.' },
  schedule_not_found: { family: 'request', meaning: 'No schedule of ours has this id.' },
  no_worker: { family: 'failed', meaning: 'No worker polls the task queue.' },
  temporal_unavailable: { family: 'failed', meaning: 'The Temporal server cannot be reached, or refuses us.' },
  health_check_failed: { family: 'failed', meaning: 'The database cannot be reached or is unhealthy.' },
  target_mismatch: { family: 'failed', meaning: 'The database is not the one that the environment means (marker, standby, changed identity).' },
  history_conflict: { family: 'failed', meaning: 'Ledger and project disagree: failed, edited or missing migrations, or no ledger on a database that is not empty.' },
  plan_failed: { family: 'failed', meaning: 'The plan could not be made; nothing was changed.' },
  backup_failed: { family: 'failed', meaning: 'The backup could not be taken or verified; nothing was changed.' },
  backup_not_found: { family: 'failed', meaning: 'No such backup in the store.' },
  backup_unusable: { family: 'failed', meaning: 'The backup is damaged, or does not fit the target.' },
  store_unavailable: { family: 'failed', meaning: 'The backup store cannot be used (missing, read-only, full, another store).' },
  lock_timeout: { family: 'failed', meaning: 'A lock in the database was not to be had in time; nothing was changed.' },
  seed_failed: { family: 'failed', meaning: 'The seed command failed, or how it ended is not known; `result.rollback` tells what was undone.' },
  migration_failed: { family: 'failed', meaning: 'A migration failed; `result.rollback` tells what was undone.' },
  health_after_failed: { family: 'failed', meaning: 'The database was unhealthy after the change; `result.rollback` tells what was undone.' },
  would_lose_data: { family: 'failed', meaning: 'An automatic undo would lose data that was written since; it was not done.' },
  restore_failed: { family: 'failed', meaning: 'A restore failed; the database that was serving still serves.' },
  compensation_failed: { family: 'failed', meaning: 'The change failed and so did its undo; a person must decide.' },
  interrupted_operation: { family: 'failed', meaning: 'An earlier operation began a change and never ended; it must be decided first.' },
  fenced_off: { family: 'failed', meaning: 'Another operation has taken over the database; this one changed nothing more.' },
  phase_failed: { family: 'failed', meaning: 'A phase of a pipeline ended at its own step: migrations that do not go up, down and up again, tests, or checks of the data.' },
  plugin_failed: { family: 'failed', meaning: 'A plugin could not be run, or did not answer by the contract.' },
  internal: { family: 'failed', meaning: 'A fault of faber-db itself.' },
  rejected: { family: 'cancelled', meaning: 'A person refused the plan; nothing was changed.' },
  approval_expired: { family: 'cancelled', meaning: 'Nobody decided in time; nothing was changed.' },
  cancelled: { family: 'cancelled', meaning: 'The operation was cancelled; what it had changed was undone.' },
} as const satisfies Record<string, { family: 'request' | 'failed' | 'cancelled'; meaning: string }>;

export const ErrorCode = z.enum(Object.keys(ERROR_CODES) as [keyof typeof ERROR_CODES, ...(keyof typeof ERROR_CODES)[]]);
export type ErrorCode = z.infer<typeof ErrorCode>;

/** What a person can do next. Commands in here run as printed. */
export const Recovery = z.object({
  backup_id: z.string().optional(),
  rollback_command: z.string().optional().describe('Absolute and idempotent; absent when the undo succeeded, and where nothing goes back (no backup, no migration before)'),
  suggestions: z.array(z.string()),
  can_continue: z.boolean().optional(),
  support_link: z.string().optional(),
});
export type Recovery = z.infer<typeof Recovery>;

export const SUPPORT_LINK = 'https://github.com/fractary/claude-plugins/issues';

/** The facts of an expected failure, as handlers and activities throw them. Holds no secret and no row value. */
export interface FailureFacts {
  code: ErrorCode;
  /** What happened, in one sentence a person can act on. */
  message: string;
  /** More facts for `result` of the answer. */
  result?: Record<string, unknown>;
  suggestions?: string[];
}

/**
 * An expected failure, bounded in size. Thrown by handlers and activities, turned into an error answer at the edge.
 * `message` and every field must already be free of secrets and row values.
 */
export class FaberError extends Error implements FailureFacts {
  override readonly name = 'FaberError';
  readonly code: ErrorCode;
  readonly result?: Record<string, unknown>;
  readonly suggestions: string[];
  constructor(facts: FailureFacts, options?: { cause?: unknown }) {
    super(boundedText(facts.message), options);
    this.code = facts.code;
    if (facts.result) this.result = facts.result;
    this.suggestions = boundedTexts(facts.suggestions ?? []);
  }
}
