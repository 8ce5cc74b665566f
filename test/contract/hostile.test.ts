import { describe, expect, it } from 'vitest';
import { isDeeperThan } from '../../src/contract/depth.js';
import { effectiveSettings } from '../../src/contract/effective-settings.js';
import { FaberError } from '../../src/contract/failure.js';
import { parseJsonText } from '../../src/contract/json-text.js';
import { parseRequest } from '../../src/contract/request.js';
import { requestDigest } from '../../src/contract/request-digest.js';
import { Settings } from '../../src/contract/settings.js';
import { hostileText, hostileValue, nested, spoiled } from '../support/hostile.js';
import { printedSeed } from '../support/seeded.js';

/** Milliseconds that one input may take; far above the slowest seen, far below a hang. */
const SLOWEST = 2_000;
const MOST_BYTES = 120_000;
const PROTOTYPE_KEYS = Reflect.ownKeys(Object.prototype).length;

/** What came of it: the value, or the error that the contract allows. Everything else fails the test. */
function outcome<T>(run: () => T, codes: readonly string[]): { value: T } | { error: FaberError } {
  const begun = performance.now();
  try {
    return { value: run() };
  } catch (error) {
    if (!(error instanceof FaberError)) throw error;
    expect(codes).toContain(error.code);
    expect(error.message).not.toBe('');
    const bytes = Buffer.byteLength(JSON.stringify([error.message, error.suggestions, error.result ?? null]));
    expect(bytes).toBeLessThan(MOST_BYTES);
    return { error };
  } finally {
    expect(performance.now() - begun).toBeLessThan(SLOWEST);
    expect(Reflect.ownKeys(Object.prototype)).toHaveLength(PROTOTYPE_KEYS);
  }
}

/** Runs `times` inputs; on a failure says which one it was. */
function fuzz(what: string, times: number, one: (random: ReturnType<typeof printedSeed>) => boolean): { accepted: number; refused: number } {
  const random = printedSeed(what);
  const seen = { accepted: 0, refused: 0 };
  for (let at = 0; at < times; at += 1) {
    try {
      if (one(random)) seen.accepted += 1;
      else seen.refused += 1;
    } catch (error) {
      throw new Error(`input ${at} of seed ${random.seed}: ${String(error)}`, { cause: error });
    }
  }
  return seen;
}

/** In code points, as the schema counts them. */
const lengthOf = (text: string) => [...text].length;

const DIRECTORY = { working_directory: '/srv/shop' };
const REQUESTS = [
  { operation: 'migrate', parameters: { environment: 'production', dry_run: false, baseline: '20260101000000_init', ...DIRECTORY } },
  { operation: 'migrate', parameters: { environment: 'staging' }, working_directory: '/srv/shop', requested_by: 'ana' },
  { operation: 'migrate-preview', parameters: { environment: 'production', ...DIRECTORY } },
  { operation: 'initialize-database', parameters: { environment: 'dev', database_name: 'shop', ...DIRECTORY } },
  { operation: 'reset', parameters: { environment: 'dev', seed: true, ...DIRECTORY } },
  { operation: 'rollback', parameters: { environment: 'production', steps: 2, dry_run: true, adopt: 'postgresql:7311415926535897932/shop', ...DIRECTORY } },
  { operation: 'rollback-to', parameters: { environment: 'production', migration: '20260101000000_init', ...DIRECTORY } },
  { operation: 'rollback-to', parameters: { environment: 'production', backup_id: 'backup-20260124-103000', dry_run: true, ...DIRECTORY } },
  { operation: 'restore', parameters: { environment: 'production', backup_id: 'backup-20260124-103000-before', ...DIRECTORY } },
  { operation: 'backup', parameters: { environment: 'production', label: 'nightly', reason: 'drill', ...DIRECTORY } },
  { operation: 'health-check', parameters: { environment: 'production', ...DIRECTORY } },
  { operation: 'status', parameters: { environment: 'production', drift: false, ...DIRECTORY } },
  { operation: 'list-backups', parameters: { environment: 'production', ...DIRECTORY } },
];

/** The contract once more, in other words than the schema's. */
const PARAMETERS: Record<string, (value: unknown) => boolean> = {
  environment: (v) => typeof v === 'string' && lengthOf(v) <= 100 && /^[A-Za-z0-9]/.test(v) && [...v].every((c) => /[A-Za-z0-9._-]/.test(c)),
  working_directory: (v) => typeof v === 'string' && v.startsWith('/') && !v.includes('\0') && lengthOf(v) <= 4096,
  migration: (v) => typeof v === 'string' && v !== '' && v !== '.' && v !== '..' && lengthOf(v) <= 255 && [...v].every((c) => c !== '/' && c !== '\\' && !/\p{Cc}/u.test(c)),
  backup_id: (v) => typeof v === 'string' && lengthOf(v) <= 120 && v.startsWith('backup-') && !/[^a-z0-9-]/.test(v),
  label: (v) => typeof v === 'string' && lengthOf(v) <= 41 && !/[^a-z0-9-]/.test(v),
  reason: (v) => typeof v === 'string' && lengthOf(v) <= 500,
  database_name: (v) => typeof v === 'string' && lengthOf(v) >= 1 && lengthOf(v) <= 63,
  seed: (v) => typeof v === 'boolean',
  drift: (v) => typeof v === 'boolean',
  dry_run: (v) => typeof v === 'boolean',
  adopt: (v) => typeof v === 'string' && lengthOf(v) <= 300 && /^[a-z]+:[^/]+\/./.test(v) && !/\p{Cc}/u.test(v),
  steps: (v) => typeof v === 'number' && Number.isInteger(v) && v >= 1 && v <= 1000,
};
const MAY_HAVE: Record<string, string[]> = {
  'initialize-database': ['database_name', 'dry_run', 'adopt'], seed: ['dry_run', 'adopt'], reset: ['seed', 'dry_run', 'adopt'],
  rollback: ['steps', 'dry_run', 'adopt'], migrate: ['dry_run', 'baseline', 'adopt'], 'migrate-preview': ['baseline', 'adopt'],
  'rollback-to': ['migration', 'backup_id', 'dry_run', 'adopt'], restore: ['backup_id', 'dry_run', 'from', 'adopt'],
  backup: ['label', 'reason'], 'health-check': [], status: ['drift'], 'list-backups': [],
};

describe('hostile input', { timeout: 300_000 }, () => {
  it('of 40 000 requests, those that the contract forbids are refused with a bounded error, and the others keep to it', () => {
    const { accepted, refused } = fuzz('requests', 40_000, (random) => {
      const raw = random.chance(0.1) ? hostileValue(random, 4) : spoiled(random, random.pick(REQUESTS), random.below(4));
      const parsed = outcome(() => parseRequest(raw, random.chance(0.2) ? DIRECTORY_DEFAULT : {}), ['invalid_request']);
      if ('error' in parsed) return false;
      const { operation, parameters } = parsed.value;
      const allowed = [...MAY_HAVE[operation]!, 'environment', 'working_directory'];
      for (const [key, value] of Object.entries(parameters)) {
        if (value === undefined) continue;
        expect(allowed).toContain(key);
        expect(PARAMETERS[key === 'baseline' ? 'migration' : key]!(value), `${key}: ${JSON.stringify(value)}`).toBe(true);
      }
      const asked = (raw as { operation: string; parameters?: object }).parameters ?? {};
      expect(Object.keys(asked).filter((key) => !allowed.includes(key))).toEqual([]);
      expect(operation).toBe((raw as { operation: string }).operation);
      expect(requestDigest(parsed.value)).toMatch(/^[0-9a-f]{64}$/);
      return true;
    });
    expect(accepted).toBeGreaterThan(8_000);
    expect(refused).toBeGreaterThan(8_000);
  });

  it('of 30 000 configs, those that the schema forbids are refused with a bounded error, and no other loosens protection', () => {
    const { accepted, refused } = fuzz('configs', 30_000, (random) => {
      const environment = random.pick(['production', 'prod-eu', 'dev', 'constructor', '__proto__', 'toString', hostileText(random)]);
      const raw = random.chance(0.05) ? hostileValue(random, 5) : spoiled(random, configOf(environment), random.below(4));
      const made = outcome(() => effectiveSettings(raw, environment, '/srv/shop', { home: '/home/app' }), CONFIG_CODES);
      if ('error' in made) return false;
      const settings = Settings.parse(made.value);
      expect(settings.connection_string_env).toMatch(/^[A-Za-z_]\w*$/);
      expect(settings.migrations.directory.startsWith('/')).toBe(true);
      expect(settings.backup.location).toMatch(/^(\/|s3:\/\/)/);
      const written = (raw as { environments: Record<string, { protected?: unknown }> }).environments[environment]!;
      expect(Object.hasOwn((raw as { environments: object }).environments, environment)).toBe(true);
      if (!['dev'].includes(environment) && written.protected !== false) expect(settings.protected).toBe(true);
      if (settings.protected) expect(settings.approval_required.length > 0 || settings.warnings.length > 0).toBe(true);
      const text = JSON.stringify(settings);
      expect(text).not.toContain('hunter2');
      expect(text.length).toBeLessThan(2 * MOST_BYTES + JSON.stringify(raw).length * 2);
      expect(Buffer.byteLength(JSON.stringify(settings.warnings))).toBeLessThan(MOST_BYTES);
      return true;
    });
    expect(accepted).toBeGreaterThan(4_000);
    expect(refused).toBeGreaterThan(6_000);
  });

  it('of 30 000 texts, those that are no JSON are refused without being quoted, and the others are read as they are', () => {
    const { accepted, refused } = fuzz('texts', 30_000, (random) => {
      const bytes = textBytes(random);
      const read = outcome(() => parseJsonText(bytes, { what: 'the request', code: 'invalid_request' }), ['invalid_request']);
      if ('error' in read) {
        expect(read.error.message).toMatch(/^the request [\w ,()-]+$/);
        return false;
      }
      expect(JSON.stringify(read.value)).toBe(JSON.stringify(JSON.parse(Buffer.from(bytes).toString('utf8').replace(/^\ufeff/, ''))));
      return true;
    });
    expect(accepted).toBeGreaterThan(4_000);
    expect(refused).toBeGreaterThan(6_000);
  });

  it.each([65, 1_000, 100_000, 400_000])('%d levels are refused wherever they stand', (levels) => {
    for (const asList of [true, false]) {
      const deep = nested(levels, asList);
      const text = asList ? '['.repeat(levels) + ']'.repeat(levels) : '{"a":'.repeat(Math.min(levels, 150_000)) + '1' + '}'.repeat(Math.min(levels, 150_000));
      expect(outcome(() => parseJsonText(text, { what: 'it', code: 'invalid_request' }), ['invalid_request'])).toHaveProperty('error');
      for (const raw of [deep, { operation: deep }, { operation: 'migrate', parameters: deep }, { operation: 'migrate', parameters: { environment: deep, ...DIRECTORY } }]) {
        expect(outcome(() => parseRequest(raw), ['invalid_request'])).toHaveProperty('error');
      }
      for (const raw of [deep, { environments: deep }, { ...configOf('production'), note: deep }, { ...configOf('production'), safety: { destructive_operations: deep } }]) {
        expect(outcome(() => effectiveSettings(raw, 'production', '/srv', { home: '/h' }), CONFIG_CODES)).toHaveProperty('error');
      }
    }
  });
});

const DIRECTORY_DEFAULT = { workingDirectory: '/srv/other' };
const CONFIG_CODES = ['config_invalid', 'environment_not_configured', 'unsupported'];

function configOf(environment: string): Record<string, unknown> {
  const environments = {};
  Object.defineProperty(environments, environment, {
    value: { connection_string_env: 'PROD_DATABASE_URL', backup_retention_days: 30, task_queue: 'vpc' }, enumerable: true, configurable: true, writable: true,
  });
  return {
    schema_version: '1.0',
    database: { provider: 'postgresql', hosting: 'local', migration_tool: 'prisma' },
    environments,
    migrations: { directory: 'prisma/migrations', timeout_seconds: 300 },
    safety: {
      protected_environments: ['prod*'], require_approval_for: ['migrate', 'restore'], approval: { approvers: ['*@example.com'], timeouts: { low: 60 } },
      approval_timeouts: { standard: 3600 }, destructive_operations: { drop_table: { allowed: false, approval: 'enhanced' } }, backup_enforcement: { production: 'required' },
    },
    backup: { location: '/backups', max_database_size: '20GB', encrypt_backups: false },
    health_checks: { latency_warning_ms: 100, thresholds: { latency_critical_ms: 900 } },
    faber_integration: { environments: { production: { require_approval: true, backup_required: true }, __proto__: { validate_safety: true } } },
    integration: { logs_plugin: null },
  };
}

function textBytes(random: ReturnType<typeof printedSeed>): Uint8Array {
  const dice = random.next();
  if (dice < 0.02) return Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256)));
  const value = random.chance(0.5) ? hostileValue(random, 4) : spoiled(random, random.pick(REQUESTS), 2);
  const text = isDeeperThan(value, 1_000) ? '[{"a":'.repeat(20_000) : (JSON.stringify(value) ?? 'undefined');
  if (dice < 0.4) return Buffer.from(text);
  if (dice < 0.42) return Buffer.from(`\ufeff${text}`, 'utf8');
  if (dice < 0.44) return Buffer.from(text, 'utf16le');
  if (dice < 0.445) return Buffer.from(text.padEnd(random.pick([1024 * 1024, 1024 * 1024 + 1])));
  const bytes = Buffer.from(text);
  for (let change = random.below(3); change >= 0 && bytes.length > 0; change -= 1) bytes[random.below(bytes.length)] = random.below(256);
  return random.chance(0.3) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}
