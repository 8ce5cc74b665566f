/** Settings as config loading would give them for a Prisma project. */
import { join } from 'node:path';
import type { Settings } from '../../../../src/contract/settings.js';

export function prismaSettings(root: string, directory = join(root, 'prisma', 'migrations')): Settings {
  return {
    environment: 'test', working_directory: root, provider: 'postgresql', hosting: 'local', migration_tool: 'prisma',
    connection_string_env: 'DATABASE_URL', direct_connection_string_env: null, protected: false, task_queue: null, approval_required: [],
    approval: {
      approvers: [], minimum_approvals: 1, forbid_requester: true, confirmation_phrase: null, verification: 'claimed',
      timeout_seconds: { low: 60, medium: 60, high: 60, destructive: 60 },
    },
    migrations: { directory, table: '_prisma_migrations', timeout_seconds: 60, lock_timeout_seconds: 20, concurrent_timeout_seconds: 60 },
    safety: {
      health_check_before: true, health_check_after: true, rollback_on_migration_failure: true, rollback_on_health_check_failure: true,
      max_auto_rollback_attempts: 1, validate_destructive_operations: true, hold_writes: false, on_failure: 'ladder',
    },
    backup: { before_change: false, location: join(root, 'backups'), retention_days: 1, auto_cleanup: false, compression: 'auto', verify: 'checked', max_database_size: 1 },
    health: {
      latency_warning_ms: 100, latency_critical_ms: 500, pending_migrations_warning: 5, long_transaction_warning_seconds: 60,
      connections_warning_percent: 80, disk_free_warning_percent: 10,
    },
    logs_plugin: null, warnings: [],
  };
}
