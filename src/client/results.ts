/** What each operation answers with on success, by its name. */
import type { BackupSummary, CancelledResponse, ErrorResponse, HealthReport, MigrateResult, OperationName, PlanSummary, SuccessResponse } from '../contract/index.js';

/** `migrate-preview`, and any guarded operation with `dry_run`. */
export interface PreviewResult {
  plan: PlanSummary;
  plan_hash: string;
  pending: number;
  approval_required: boolean;
  warnings: string[];
}

export interface RestoreResult {
  restored: string;
  tables: number;
  rows: number;
  replaced_database_kept_as: string | null;
  duration_seconds: number;
  backup_id: string | null;
  plan_hash: string;
  approved_by?: string[];
}

export interface OperationResults {
  migrate: MigrateResult | PreviewResult;
  'migrate-preview': PreviewResult;
  'rollback-to': MigrateResult | RestoreResult | PreviewResult;
  restore: RestoreResult | PreviewResult;
  backup: BackupSummary;
  'health-check': HealthReport;
  'list-backups': { backups: BackupSummary[]; damaged?: string[] };
}

export type ResultOf<O extends OperationName> = OperationResults[O];

/** The answer of operation `O`. */
export type Answer<O extends OperationName = OperationName> = (Omit<SuccessResponse, 'result'> & { result: ResultOf<O> }) | ErrorResponse | CancelledResponse;
