import { describe, expect, it } from 'vitest';
import { effectiveSettings } from '../../src/contract/effective-settings.js';

function settings(environment: Record<string, unknown>, rest: Record<string, unknown> = {}) {
  const config = { environments: { production: { connection_string_env: 'URL', ...environment } }, ...rest };
  return effectiveSettings(config, 'production', '/srv/shop', { store: '/var/store' });
}

const INSTANCE = { hosting: 'aws-rds', rds_instance_id: 'shop-db', region: 'eu-central-1' };

describe('backup.method', () => {
  it('is snapshot where AWS hosts the database and it is said which instance or cluster it is, else dump', () => {
    expect(settings(INSTANCE).backup.method).toBe('snapshot');
    expect(settings({ hosting: 'aws-aurora', rds_cluster_id: 'shop' }).backup.method).toBe('snapshot');
    expect(settings({ hosting: 'aws-aurora', rds_instance_id: 'shop-1' }).backup.method).toBe('snapshot');
    expect(settings({ hosting: 'aws-rds' }).backup.method).toBe('dump');
    expect(settings({ rds_instance_id: 'shop-db' }).backup.method).toBe('dump');
    expect(settings(INSTANCE, { backup: { method: 'dump' } }).backup.method).toBe('dump');
    expect(settings(INSTANCE, { backup: { provider: 'pg_dump' } }).backup.method).toBe('dump');
  });

  it('snapshot is proven only where the config asks for it: it costs an instance', () => {
    expect(settings(INSTANCE).backup.verify).toBe('checked');
    expect(settings(INSTANCE, { backup: { method: 'dump' } }).backup.verify).toBe('proven');
    expect(settings(INSTANCE, { backup: { verify: 'proven' } }).backup.verify).toBe('proven');
  });

  it('snapshot is refused where there is none, and where it is not said of what', () => {
    const snapshot = { backup: { method: 'snapshot' } };
    for (const hosting of ['gcp-sql', 'azure-sql', 'local']) expect(() => settings({ hosting }, snapshot)).toThrow(`with hosting '${hosting}'`);
    expect(() => settings({ hosting: 'aws-rds' }, snapshot)).toThrow('environments.production.rds_instance_id is missing');
    expect(() => settings({ hosting: 'aws-aurora' }, snapshot)).toThrow('environments.production.rds_cluster_id is missing');
    expect(settings({ hosting: 'gcp-sql' }).backup.method).toBe('dump');
  });
});

describe('settings of AWS', () => {
  it('name region, identifiers and the role to assume, and hold no key', () => {
    expect(settings({ ...INSTANCE, assume_role_arn: 'arn:aws:iam::123456789012:role/ops/faber-db' }).aws).toEqual({
      region: 'eu-central-1', instance_id: 'shop-db', cluster_id: null, assume_role_arn: 'arn:aws:iam::123456789012:role/ops/faber-db',
    });
    expect(settings({}).aws).toBeUndefined();
  });

  it.each(['shop--db', '1shop', 'shop-', 'shop db', 'a'.repeat(64), "shop'; --"])('refuse %j as an identifier', (id) => {
    expect(() => settings({ hosting: 'aws-rds', rds_instance_id: id })).toThrow('environments.production.rds_instance_id');
  });

  it('refuse a role that is no ARN of one', () => {
    expect(() => settings({ ...INSTANCE, assume_role_arn: 'AKIAIOSFODNN7EXAMPLE' })).toThrow('environments.production.assume_role_arn');
  });
});
