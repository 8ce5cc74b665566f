import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configJsonSchema } from '../../src/contract/config.js';
import { effectiveSettings } from '../../src/contract/effective-settings.js';
import { FaberError } from '../../src/contract/failure.js';
import { Settings } from '../../src/contract/settings.js';

interface Case {
  name: string;
  valid: boolean;
  code?: string;
  says?: string;
  environment: string;
  config: unknown;
}
const cases = JSON.parse(readFileSync(new URL('./cases/configs.json', import.meta.url), 'utf8')) as Case[];

const settle = (config: unknown, environment: string) => effectiveSettings(config, environment, '/srv/shop', { home: '/home/db' });

/** Settings of `environment` when the config has nothing but the given parts. */
function settingsOf(environment: string, of: Record<string, unknown> = {}, rest: Record<string, unknown> = {}): Settings {
  return settle({ ...rest, environments: { [environment]: { connection_string_env: 'URL', ...of } } }, environment);
}

describe('config', () => {
  it.each(cases.filter((c) => c.valid))('loads $name', ({ config, environment }) => {
    const before = structuredClone(config);
    const settings = settle(config, environment);
    expect(Settings.parse(settings)).toEqual(settings);
    expect(config, 'the config given is not changed').toEqual(before);
  });

  it.each(cases.filter((c) => !c.valid))('refuses $name', ({ config, environment, code, says = '' }) => {
    let error: unknown;
    try {
      settle(config, environment);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(FaberError);
    const { code: got, message, suggestions } = error as FaberError;
    expect(got).toBe(code);
    const text = [message, ...suggestions].join('\n');
    for (const part of says.split('|')) expect(text).toContain(part);
    expect(text).not.toContain('hunter2');
    expect(suggestions.length).toBeGreaterThan(0);
  });

  it('names every wrong value at once', () => {
    expect(() => settle({ environments: { dev: { connection_string_env: 'A', protected: 1 } }, backup: { retention_days: 0 } }, 'dev')).toThrowError(
      expect.objectContaining({
        message: 'Invalid configuration: environments.dev.protected: 1 is not allowed; allowed: true or false',
        suggestions: ['backup.retention_days: 0 is not allowed; allowed: at least 1', 'Edit .fractary/plugins/faber-db/config.json'],
      }),
    );
  });

  it('describes every key in its JSON Schema, and requires none that has a default', () => {
    const undescribed: string[] = [];
    const visit = (node: Record<string, unknown>, path: string) => {
      for (const [key, value] of Object.entries((node['properties'] ?? {}) as Record<string, Record<string, unknown>>)) {
        if (!value['description']) undescribed.push(`${path}${key}`);
        visit(value, `${path}${key}.`);
      }
      if (typeof node['additionalProperties'] === 'object') visit(node['additionalProperties'] as Record<string, unknown>, `${path}*.`);
    };
    const schema = configJsonSchema();
    visit(schema, '');
    expect(undescribed).toEqual([]);
    expect(schema['required']).toBeUndefined();
    expect(JSON.stringify(schema)).toContain('"required":["connection_string_env"]');
  });
});

describe('protection', () => {
  it.each(['dev', 'development', 'test', 'ci', 'local', 'staging', 'preview'])('does not cover %s by itself', (name) => {
    expect(settingsOf(name)).toMatchObject({ protected: false, approval_required: [] });
  });

  it.each(['production', 'prod', 'Dev', 'live', 'dev2', 'qa'])('covers %s, since only known names are harmless', (name) => {
    expect(settingsOf(name)).toMatchObject({ protected: true, backup: { before_change: true, verify: 'proven', retention_days: 90 } });
    expect(settingsOf(name).approval_required).toEqual(['migrate', 'rollback', 'rollback-to', 'restore', 'seed']);
  });

  it('ends where the config says protected: false, and begins where it says true', () => {
    expect(settingsOf('qa', { protected: false })).toMatchObject({ protected: false, backup: { before_change: true, verify: 'checked', retention_days: 60 } });
    expect(settingsOf('dev', { protected: true }).protected).toBe(true);
  });

  it.each([['staging'], ['STAGING'], ['stag*'], ['*']])('covers what protected_environments names: %s', (pattern) => {
    expect(settingsOf('staging', {}, { safety: { protected_environments: [pattern] } }).protected).toBe(true);
    expect(settingsOf('staging', {}, { safety: { protected_environments: [`not-${pattern}-here`] } }).protected).toBe(false);
  });

  it('wins over protected: false when both are written, and says so', () => {
    const settings = settingsOf('staging', { protected: false }, { safety: { protected_environments: ['staging'] } });
    expect(settings.protected).toBe(true);
    expect(settings.warnings.join()).toContain('it is protected');
  });

  it('asks for approval whatever require_approval: false says, and says so', () => {
    const settings = settingsOf('production', { require_approval: false });
    expect(settings.approval_required).toContain('migrate');
    expect(settings.warnings.join()).toContain('require_approval: false has no effect');
  });

  it('lets an environment that is not protected ask for approval', () => {
    expect(settingsOf('staging', { require_approval: true }).approval_required).toContain('migrate');
  });

  it('counts rollback-to and restore as rollback, as the original did', () => {
    const settings = settingsOf('production', {}, { safety: { require_approval_for: ['migrate', 'rollback', 'seed'] } });
    expect(settings.approval_required).toEqual(['migrate', 'rollback', 'rollback-to', 'restore', 'seed']);
  });

  it('names each protection that the config itself takes off', () => {
    const settings = settingsOf(
      'production',
      { backup_before_migrate: false },
      { safety: { require_approval_for: ['rollback'], health_check_before_deploy: false, health_check_after_deploy: false, validate_destructive_operations: false } },
    );
    expect(settings.warnings).toHaveLength(6);
    expect(settingsOf('production').warnings).toEqual([]);
  });

  it('always tells what destroys data from the rest where protected; elsewhere as the config says', () => {
    const off = { safety: { validate_destructive_operations: false } };
    expect(settingsOf('production', {}, off).safety.validate_destructive_operations).toBe(true);
    expect(settingsOf('dev', {}, off).safety.validate_destructive_operations).toBe(false);
  });
});

describe('defaults', () => {
  it('are those that the contract names', () => {
    expect(settingsOf('production')).toMatchObject({
      provider: 'postgresql',
      migration_tool: 'prisma',
      task_queue: null,
      migrations: { directory: '/srv/shop/prisma/migrations', table: '_prisma_migrations', timeout_seconds: 300, lock_timeout_seconds: 60 },
      approval: { approvers: [], minimum_approvals: 1, forbid_requester: true, timeout_seconds: { low: 86400, medium: 86400, high: 86400, destructive: 86400 } },
      safety: { health_check_before: true, health_check_after: true, rollback_on_migration_failure: true, max_auto_rollback_attempts: 1, on_failure: 'ladder', hold_writes: false },
      health: { latency_warning_ms: 100, latency_critical_ms: 500, pending_migrations_warning: 5 },
    });
  });

  it.each([['dev', false, 30], ['preview', false, 30], ['staging', true, 60], ['production', true, 90]] as const)(
    'back up %s before a change: %s, and keep backups for %s days',
    (environment, backsUp, days) => {
      expect(settingsOf(environment).backup).toMatchObject({ before_change: backsUp, retention_days: days });
    },
  );

  it('take the nearest retention that is written', () => {
    expect(settingsOf('dev', {}, { backup: { retention_days: 7 } }).backup.retention_days).toBe(7);
    expect(settingsOf('dev', { backup_retention_days: 3 }, { backup: { retention_days: 7 } }).backup.retention_days).toBe(3);
  });

  it('keep backups outside the checkout unless the config names a folder', () => {
    const config = { environments: { dev: { connection_string_env: 'URL' } } };
    expect(settle(config, 'dev').backup.location).toBe('/home/db/.local/share/faber-db/store');
    expect(effectiveSettings(config, 'dev', '/srv/shop', { store: '/backups', home: '/home/db' }).backup.location).toBe('/backups');
    expect(settle({ ...config, backup: { location: 'var/backups' } }, 'dev').backup.location).toBe('/srv/shop/var/backups');
    expect(settle({ ...config, backup: { location: '/mnt/b' } }, 'dev').backup.location).toBe('/mnt/b');
  });

  it('read sizes in bytes and in words', () => {
    const size = (max_database_size: unknown) => settingsOf('dev', {}, { backup: { max_database_size } }).backup.max_database_size;
    expect([size(1000), size('1 GB'), size('0.5tb'), size('20MB')]).toEqual([1000, 2 ** 30, 2 ** 39, 20 * 2 ** 20]);
  });
});

describe('unknown keys', () => {
  it('warn with their path and the key that was meant', () => {
    const settings = settingsOf('dev', { conection_string_env: 'X' }, { saftey: {}, safety: { require_aproval_for: [] }, migrations: { zzz: 1 } });
    expect(settings.warnings).toEqual([
      "Unknown key 'saftey' is ignored; did you mean 'safety'?",
      "Unknown key 'safety.require_aproval_for' is ignored; did you mean 'require_approval_for'?",
      "Unknown key 'migrations.zzz' is ignored",
      "Unknown key 'environments.dev.conection_string_env' is ignored; did you mean 'connection_string_env'?",
    ]);
  });

  it('are notes where they begin like one', () => {
    expect(settingsOf('dev', { _why: 'x' }, { $schema: 'https://example.com/s.json', '//': 'note' }).warnings).toEqual([]);
  });
});
