/** Names that client, worker and workflows share. */
import type { OperationName } from './operation.js';

export const DEFAULT_TASK_QUEUE = 'faber-db';

/** Workflow type of each operation. */
export const WORKFLOW_TYPES = {
  'initialize-database': 'initializeDatabase',
  migrate: 'migrate',
  'migrate-preview': 'migratePreview',
  rollback: 'rollback',
  'rollback-to': 'rollbackTo',
  restore: 'restore',
  seed: 'seed',
  reset: 'reset',
  backup: 'backup',
  'generate-migration': 'generateMigration',
  'health-check': 'healthCheck',
  status: 'status',
  'list-backups': 'listBackups',
  'read-schedules': 'readSchedules',
  'cleanup-backups': 'cleanUpBackups',
  'verify-backup': 'verifyBackup',
  build: 'build',
  evaluate: 'evaluate',
  release: 'release',
} as const satisfies Record<OperationName, string>;

/** The child that holds the database and makes the change. */
export const CHANGE_WORKFLOW = 'guardedChange';
/** The queue of one database. */
export const QUEUE_WORKFLOW = 'databaseQueue';
/** Delivers one audit record to the logs plugin. */
export const AUDIT_WORKFLOW = 'deliverAudit';
/** Delivers the end of an operation to the work plugin. */
export const WORK_WORKFLOW = 'deliverWork';
/** Tells the webhook about one operation. */
export const NOTIFY_WORKFLOW = 'notify';

export const SIGNALS = { approve: 'approve', reject: 'reject', resolve: 'resolve' } as const;
export const UPDATES = { decide: 'decide' } as const;
export const QUERIES = { state: 'state' } as const;

/** Signals between our own workflows. */
export const INTERNAL_SIGNALS = {
  requestLock: 'requestLock',
  releaseLock: 'releaseLock',
  lockGranted: 'lockGranted',
  lockQueued: 'lockQueued',
  changeAnswer: 'changeAnswer',
  tell: 'tell',
} as const;

/** Id of the queue workflow of a database; `digest` is a hash of the identity, since that may hold any character. */
export const queueWorkflowId = (digest: string) => `faber-db/database/${digest}`;

/** Memo keys on every operation, for `faber-db list`. */
export const MEMO = { operation: 'faber_operation', environment: 'faber_environment', requestDigest: 'faber_request_digest', requestedBy: 'faber_requested_by' } as const;
