/** The end of an operation: its audit record, its row in the target, and the delivery to the logs plugin. */
import { CancellationScope, ParentClosePolicy, startChild, workflowInfo } from '@temporalio/workflow';
import type { AuditRecord, BackupSummary, RecordedDecision, RefusedDecision, Response, Settings, WorkRequest } from '../../contract/index.js';
import { AUDIT_WORKFLOW, WORK_WORKFLOW } from '../../contract/names.js';
import { ended } from './notification-texts.js';
import { Notifier, workflowUrl } from './notifier.js';
import type { Progress } from './progress.js';
import { factsOf, type Steps } from './steps.js';

export interface EndFacts {
  operationId: string;
  operation: string;
  settings: Settings;
  requestedBy: string;
  startedAt: number;
  planHash: string | null;
  decisions: RecordedDecision[];
  refused: RefusedDecision[];
  began: boolean;
  restores?: boolean;
  backup: BackupSummary | null;
  applied: number;
  answer: Response;
  /** What told of the operation so far; without it, nothing did. */
  notifier?: Notifier;
}

/**
 * Never throws: an audit that cannot be written is told, and must not turn a done change into a failed one. Also after a cancel,
 * which would keep just the record of what was cancelled away.
 */
export async function endOperation(steps: Steps, facts: EndFacts, progress: Progress): Promise<void> {
  await CancellationScope.nonCancellable(() => recordEnd(steps, facts, progress));
}

async function recordEnd(steps: Steps, facts: EndFacts, progress: Progress): Promise<void> {
  const { answer } = facts;
  const { runId } = workflowInfo();
  const audit: AuditRecord = {
    log_type: 'database_operation',
    record_id: `${facts.operationId}/${runId}`,
    operation_id: facts.operationId,
    run_id: runId,
    operation: facts.operation,
    environment: facts.settings.environment,
    status: answer.status,
    ...('code' in answer && answer.code !== undefined ? { code: answer.code } : {}),
    duration_seconds: Math.round((Date.now() - facts.startedAt) / 100) / 10,
    backup_id: facts.backup?.backup_id ?? null,
    migrations_applied: facts.applied,
    plan_hash: facts.planHash,
    requested_by: facts.requestedBy,
    decisions: facts.decisions,
    refused_decisions: facts.refused,
    timestamp: new Date().toISOString(),
  };
  try {
    await steps.changing.endOperation({ operation_id: facts.operationId, settings: facts.settings, began: facts.began, ...(facts.restores === true && { restores: true }), answer, audit });
  } catch (error) {
    progress.note(`The end could not be recorded: ${factsOf(error).message}`);
  }
  const { settings } = facts;
  await Promise.all([
    settings.logs_plugin === null ? null : deliver(AUDIT_WORKFLOW, 'audit', audit.record_id, { settings, record: audit }, progress),
    (settings.integration?.work_plugin ?? null) === null ? null : deliver(WORK_WORKFLOW, 'work', audit.record_id, { settings, record: workRequest(facts, audit) }, progress),
    (facts.notifier ?? new Notifier(facts)).tell(ended(facts, facts.planHash, answer)),
  ]);
}

async function deliver(workflow: string, kind: string, recordId: string, input: object, progress: Progress): Promise<void> {
  try {
    // Abandoned: it retries without end, and must neither block the operation nor be lost with it.
    await startChild(workflow, { workflowId: `faber-db/${kind}/${recordId}`, args: [input], parentClosePolicy: ParentClosePolicy.ABANDON });
  } catch (error) {
    progress.note(`The record could not be handed on (${kind} plugin): ${factsOf(error).message}`);
  }
}

function workRequest({ answer, settings }: EndFacts, audit: AuditRecord): WorkRequest {
  const { namespace } = workflowInfo();
  const url = workflowUrl(settings, audit.operation_id);
  return {
    action: 'record-operation', record_id: audit.record_id, operation_id: audit.operation_id, operation: audit.operation, environment: audit.environment,
    requested_by: audit.requested_by, workflow: { namespace, workflow_id: audit.operation_id, ...(url === null ? {} : { url }) }, answer, timestamp: audit.timestamp,
  };
}
