import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { effectiveSettings } from '../../src/contract/effective-settings.js';
import { LEGACY_KEYS } from '../../src/contract/legacy-keys.js';

type Json = Record<string, unknown>;

function settle(rest: Json, environment = 'production', of: Json = {}) {
  const environments = { dev: { connection_string_env: 'DEV_URL' }, [environment]: { connection_string_env: 'URL', ...of } };
  return effectiveSettings({ ...rest, environments }, environment, '/srv/shop', { home: '/home/db' });
}
const warningsOf = (rest: Json, environment = 'production', of: Json = {}) => settle(rest, environment, of).warnings.join('\n');

/** A wish for more safety than there is: an error where protected, a warning elsewhere. */
function expectUnmet(rest: Json, key: string) {
  expect(() => settle(rest)).toThrowError(expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(key) as string }));
  expect(warningsOf(rest, 'staging')).toContain(key);
}

/** What each key of the table does: one entry a key, so that none stays without a test. */
const promises: Record<string, () => void> = {
  'safety/approval_timeouts/standard': () =>
    expect(settle({ safety: { approval_timeouts: { standard: 300 } } }).approval.timeout_seconds).toEqual({ low: 300, medium: 300, high: 86400, destructive: 86400 }),
  'safety/approval_timeouts/enhanced': () => {
    expect(settle({ safety: { approval_timeouts: { enhanced: 600 } } }).approval.timeout_seconds).toMatchObject({ low: 86400, high: 600, destructive: 600 });
    const both = { approval_timeouts: { enhanced: 600 }, approval: { timeouts: { high: 5 } } };
    expect(settle({ safety: both }).approval.timeout_seconds).toMatchObject({ high: 5, destructive: 600 });
    expect(warningsOf({ safety: both })).toContain('safety.approval.timeouts.high says it already');
  },
  'safety/backup_enforcement/<environment>': () => {
    const enforce = (environment: string, value: unknown, of: Json = {}) =>
      settle({ safety: { backup_enforcement: { [environment]: value } } }, environment, of).backup.before_change;
    expect(enforce('dev', 'required')).toBe(true);
    expect(enforce('dev', 'recommended')).toBe(true);
    expect(enforce('dev', 'optional')).toBe(false);
    expect(enforce('dev', 'no idea')).toBe(true);
    expect(enforce('dev', 'recommended', { backup_before_migrate: false })).toBe(false);
    expect(enforce('production', 'required', { backup_before_migrate: false })).toBe(true);
    expect(settle({ safety: { backup_enforcement: { production: 'required' } } }, 'dev').backup.before_change).toBe(false);
  },
  'safety/destructive_operations/*/allowed': () => {
    const forbidden = (operations: Json, safety: Json = {}) => settle({ safety: { ...safety, destructive_operations: operations } }).safety.forbidden_statements;
    expect(forbidden({ drop_database: { allowed: false }, drop_table: { allowed: true } })).toEqual(['drop_database']);
    expect(forbidden({ delete: { allowed: false } }, { forbidden_statements: ['truncate'] })).toEqual(['truncate', 'delete', 'delete_without_where']);
    expectUnmet({ safety: { destructive_operations: { grant: { allowed: false } } } }, 'safety.destructive_operations.grant.allowed');
    expect(warningsOf({ safety: { destructive_operations: { drop_table: { allowed: true } } } })).toBe('');
  },
  'safety/destructive_operations/*/approval': () => {
    const phrase = (approval: string, safety: Json = {}) =>
      settle({ safety: { ...safety, destructive_operations: { drop_table: { approval } } } }).approval.confirmation_phrase;
    expect(phrase('enhanced')).toBe('proceed-with-destructive-changes');
    expect(phrase('standard')).toBeNull();
    expect(phrase('enhanced', { approval: { confirmation_phrase: 'drop it' } })).toBe('drop it');
  },
  'safety/destructive_operations/*/require_backup': () => {
    const rest = { safety: { destructive_operations: { drop_column: { require_backup: true } } } };
    expect(settle(rest, 'production', { backup_before_migrate: false }).backup.before_change).toBe(true);
    expect(settle(rest, 'dev').backup.before_change).toBe(false);
  },
  'safety/destructive_operations/*/require_where_clause': () =>
    expect(settle({ safety: { destructive_operations: { delete: { require_where_clause: true } } } }).safety.forbidden_statements).toEqual(['delete_without_where']),
  'safety/destructive_operations/*/row_threshold': () =>
    expect(warningsOf({ safety: { destructive_operations: { truncate: { row_threshold: 1000 } } } })).toBe(''),
  'safety/destructive_operations/*/block_reason': () =>
    expect(warningsOf({ safety: { destructive_operations: { truncate: { block_reason: 'x' } } } })).toBe(''),
  'backup/storage_location': () => {
    expect(settle({ backup: { storage_location: '/var/backups/database' } }).backup.location).toBe('/var/backups/database');
    expect(settle({ backup: { storage_location: 's3://myapp-db-backups/' } }).backup).toMatchObject({ location: 's3://myapp-db-backups', s3: { region: null, endpoint: null } });
    expectUnmet({ backup: { storage_location: 'gs://myapp-db-backups' } }, 'backup.storage_location');
  },
  'backup/storage': () => {
    expect(settle({ backup: { storage: 's3', s3_bucket: 'myapp', s3_prefix: 'faber-db/' } }).backup.location).toBe('s3://myapp/faber-db');
    expect(settle({ backup: { storage: 's3', location: 's3://elsewhere/x' } }).backup.location).toBe('s3://elsewhere/x');
    expectUnmet({ backup: { storage: 's3' } }, 'backup.storage');
    expectUnmet({ backup: { storage: 's3', location: '/var/backups' } }, 'backup.storage');
    expectUnmet({ backup: { storage: 'gcs', s3_bucket: 'myapp' } }, 'backup.storage');
    expect(warningsOf({ backup: { storage: 'local' } })).toBe('');
  },
  'backup/s3_bucket': () => expect(warningsOf({ backup: { storage: 's3', s3_bucket: 'myapp' } }, 'dev')).not.toContain('s3_bucket'),
  'backup/s3_prefix': () => expect(warningsOf({ backup: { storage: 's3', s3_bucket: 'myapp', s3_prefix: 'faber-db/' } }, 'dev')).not.toContain('s3_prefix'),
  'backup/encrypt_backups': () => {
    expectUnmet({ backup: { encrypt_backups: true } }, 'backup.encrypt_backups');
    expectUnmet({ backup: { encrypt_backups: 'yes' } }, 'backup.encrypt_backups');
    expect(warningsOf({ backup: { encrypt_backups: false } })).toBe('');
    const named = { backup: { encrypt_backups: true, encryption: { key_env: 'BACKUP_KEY' } } };
    expect(warningsOf(named)).toBe('');
    expect(settle(named).backup.encryption).toEqual({ key_env: 'BACKUP_KEY', old_key_envs: [] });
  },
  'backup/provider': () => {
    expect(warningsOf({ backup: { provider: 'aws-rds-snapshot' } })).toContain('backup.provider: backups are as backup.method says');
    expect(warningsOf({ backup: { provider: 'pg_dump' } })).toBe('');
  },
  'environments/<environment>/backup_method': () => {
    expect(warningsOf({}, 'production', { backup_method: 'rds-snapshot' })).toContain('environments.production.backup_method: backups are as backup.method says');
  },
  'backup/backup_before_destructive_ops': () => {
    const rest = { backup: { backup_before_destructive_ops: true } };
    expect(settle(rest, 'production', { backup_before_migrate: false }).backup.before_change).toBe(true);
    expect(settle(rest, 'dev', { backup_before_migrate: false }).backup.before_change).toBe(false);
  },
  'health_checks/thresholds/latency_warning_ms': () => expect(settle({ health_checks: { thresholds: { latency_warning_ms: 7 } } }).health.latency_warning_ms).toBe(7),
  'health_checks/thresholds/latency_critical_ms': () => expect(settle({ health_checks: { thresholds: { latency_critical_ms: 8 } } }).health.latency_critical_ms).toBe(8),
  'health_checks/thresholds/pending_migrations_warning': () =>
    expect(settle({ health_checks: { thresholds: { pending_migrations_warning: 9 } } }).health.pending_migrations_warning).toBe(9),
  'health_checks/enabled': () => {
    expect(settle({ health_checks: { enabled: false } }).safety).toMatchObject({ health_check_before: true, health_check_after: true });
    expect(warningsOf({ health_checks: { enabled: false } })).toContain('no effect in a protected environment');
    expect(settle({ health_checks: { enabled: false } }, 'dev').safety).toMatchObject({ health_check_before: false, health_check_after: false });
  },
  'health_checks/default_checks': () => expect(warningsOf({ health_checks: { default_checks: ['connectivity'] } })).toBe(''),
  'health_checks/timeouts': () => expect(warningsOf({ health_checks: { timeouts: { schema: 60 } } })).toContain('health_checks.timeouts has no effect'),
  'health_checks/on_unhealthy/block_deployment': () =>
    expect(settle({ safety: { health_check_before_deploy: false }, health_checks: { on_unhealthy: { block_deployment: true } } }).safety.health_check_before).toBe(true),
  'health_checks/on_unhealthy/trigger_rollback': () => {
    const rest = (trigger_rollback: boolean) => ({ safety: { rollback_on_health_check_failure: false }, health_checks: { on_unhealthy: { trigger_rollback } } });
    expect(settle(rest(true)).safety.rollback_on_health_check_failure).toBe(true);
    expect(settle(rest(false)).safety.rollback_on_health_check_failure).toBe(false);
  },
  'health_checks/on_unhealthy/notify_team': () => expect(warningsOf({ health_checks: { on_unhealthy: { notify_team: true } } })).toContain('notify_team has no effect'),
  'health_checks/schedule': () => expect(warningsOf({ health_checks: { schedule: '*/30 * * * *' } })).toContain('schedule has no effect'),
  'health_checks/notify_on': () => expect(warningsOf({ health_checks: { notify_on: ['degraded'] } })).toContain('notify_on has no effect'),
  'health_checks/notification_channels': () => expect(warningsOf({ health_checks: { notification_channels: ['slack'] } })).toContain('notification_channels has no effect'),
  'integration/notify_on_failure': () => expect(warningsOf({ integration: { notify_on_failure: true } })).toContain('notify_on_failure has no effect'),
  'integration/log_all_operations': () => {
    expect(warningsOf({ integration: { log_all_operations: true } })).toBe('');
    expect(warningsOf({ integration: { log_all_operations: false } })).toContain('the audit is always on');
  },
  'faber_integration/environments/<environment>/require_approval': () => {
    const rest = (require_approval: boolean) => ({ faber_integration: { environments: { staging: { require_approval } } } });
    expect(settle(rest(true), 'staging').approval_required).toContain('migrate');
    expect(settle(rest(false), 'staging').approval_required).toEqual([]);
    expect(settle(rest(true), 'dev').approval_required).toEqual([]);
  },
  'faber_integration/environments/<environment>/backup_required': () => {
    const rest = (backup_required: boolean) => ({ faber_integration: { environments: { staging: { backup_required } } } });
    expect(settle(rest(true), 'staging', { backup_before_migrate: false }).backup.before_change).toBe(true);
    expect(settle(rest(false), 'staging').backup.before_change).toBe(true);
  },
  'faber_integration/environments/<environment>/health_check_before': () =>
    expect(demandedByFaber('health_check_before', 'health_check_before_deploy').health_check_before).toBe(true),
  'faber_integration/environments/<environment>/health_check_after': () =>
    expect(demandedByFaber('health_check_after', 'health_check_after_deploy').health_check_after).toBe(true),
  'faber_integration/environments/<environment>/validate_safety': () =>
    expect(demandedByFaber('validate_safety', 'validate_destructive_operations').validate_destructive_operations).toBe(true),
  faber_integration: () => {
    const warnings = warningsOf({ faber_integration: { enabled: true, phase_hooks: { pre_build: { enabled: true } } } });
    expect(warnings).toBe('faber_integration has no effect: hooks belong to the pipeline that calls faber-db');
  },
};

function demandedByFaber(name: string, present: string) {
  return settle({ safety: { [present]: false }, faber_integration: { environments: { production: { [name]: true } } } }).safety;
}

describe('keys of the original plugin', () => {
  it('each have a promise here', () => {
    expect(Object.keys(promises).sort()).toEqual(LEGACY_KEYS.map((k) => k.key).sort());
  });

  it.each(LEGACY_KEYS)('$key means: $meaning', ({ key }) => {
    expect(promises).toHaveProperty([key]);
    promises[key]?.();
  });

  it('leave no old key behind to be called unknown', () => {
    const example = JSON.parse(readFileSync(new URL('./cases/old-keys.json', import.meta.url), 'utf8')) as Json;
    const dev = effectiveSettings(example, 'dev', '/srv/shop', { home: '/home/db' });
    expect(dev.warnings.filter((w) => w.includes('Unknown'))).toEqual([]);
    expect(dev).toMatchObject({ protected: false, hosting: 'aws-aurora', backup: { before_change: false, retention_days: 45 }, logs_plugin: 'fractary-logs' });
  });

  it('keep what they asked for where it is protected', () => {
    const example = JSON.parse(readFileSync(new URL('./cases/old-keys.json', import.meta.url), 'utf8')) as Json;
    expect(effectiveSettings(example, 'production', '/srv/shop', { home: '/h' })).toMatchObject({
      protected: true,
      approval_required: ['migrate', 'rollback', 'rollback-to', 'restore', 'seed'],
      backup: { before_change: true },
      safety: { forbidden_statements: ['drop_database'] },
      approval: { confirmation_phrase: 'proceed-with-destructive-changes', timeout_seconds: { low: 900, destructive: 1800 } },
    });
  });

  it.each(['gcp-sql', 'azure-sql'])('treat hosting %s as any server', (hosting) => {
    expect(warningsOf({ database: { hosting } })).toContain(`hosting '${hosting}' is treated as any PostgreSQL server`);
  });

  it('may stand on an environment: hosting', () => {
    expect(settle({}, 'production', { hosting: 'aws-rds', rds_instance_id: 'myapp' }).hosting).toBe('aws-rds');
  });
});
