/** The end of an operation: its audit record, its row in the target, and the delivery to the logs plugin. */
import { ParentClosePolicy, startChild, workflowInfo } from '@temporalio/workflow';
import type { AuditRecord, BackupSummary, RecordedDecision, RefusedDecision, Response, Settings } from '../../contract/index.js';
import { AUDIT_WORKFLOW } from '../../contract/names.js';
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
}

/** Never throws: an audit that cannot be written is told, and must not turn a done change into a failed one. */
export async function endOperation(steps: Steps, facts: EndFacts, progress: Progress): Promise<void> {
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
  if (facts.settings.logs_plugin === null) return;
  try {
    // Abandoned: it retries without end, and must neither block the operation nor be lost with it.
    await startChild(AUDIT_WORKFLOW, {
      workflowId: `faber-db/audit/${audit.record_id}`,
      args: [{ settings: facts.settings, record: audit }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
  } catch (error) {
    progress.note(`The audit record could not be handed to the logs plugin: ${factsOf(error).message}`);
  }
}
