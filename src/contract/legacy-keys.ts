/**
 * Keys of the original faber-db plugin and what each means here. Found in its example config, its configuration guide,
 * and the config examples of its commands and skills. A key that asks for more safety than this release gives is an
 * unmet wish: an error in protected environments, a warning elsewhere, never silently ignored.
 */
import { LegacyDocument } from './legacy-document.js';
import { StatementKind } from './settings.js';
import { secretIn } from './secrets-in-text.js';

export interface LegacyKey {
  /** Path with `/`; `*` is any key, `<environment>` the name of an environment. */
  key: string;
  /** What becomes of it, for people. */
  meaning: string;
  apply: (value: unknown, document: LegacyDocument, path: string) => void;
}

/** The phrase that the original asked for before destructive changes. */
const ENHANCED_PHRASE = 'proceed-with-destructive-changes';

const nothing = () => {};
const noEffect = (why: string) => (_: unknown, document: LegacyDocument, path: string) => document.warn(`${path} has no effect: ${why}`);

const timeouts = (...risks: string[]) => (value: unknown, document: LegacyDocument, path: string) => {
  for (const risk of risks) document.move(path, ['safety', 'approval', 'timeouts', risk], value);
};

const threshold = (name: string): LegacyKey => ({
  key: `health_checks/thresholds/${name}`,
  meaning: `health_checks.${name}`,
  apply: (value, document, path) => document.move(path, ['health_checks', name], value),
});

function backupMethod(value: unknown, document: LegacyDocument, path: string): void {
  if (value === 'pg_dump') document.suggest(['backup', 'method'], 'dump');
  else document.warn(`${path}: backups are as backup.method says, and where that is absent as hosting does, whatever it names`);
}

function storageLocation(value: unknown, document: LegacyDocument, path: string): void {
  if (typeof value === 'string' && /^[a-z0-9]+:\/\//i.test(value) && !value.startsWith('s3://')) {
    document.unmetWish(`${path} asks for a store that faber-db does not know; backups are kept in a folder or in S3 (set backup.location)`);
  } else document.move(path, ['backup', 'location'], value);
}

/** The bucket stood beside it; a location that is written in today's place wins. */
function storage(value: unknown, document: LegacyDocument, path: string): void {
  if (value === 'local') return;
  const part = (key: string) => {
    const text = document.get(['backup', key]);
    return typeof text === 'string' ? text.replace(/^\/+|\/+$/g, '') : '';
  };
  if (value === 's3' && part('s3_bucket') !== '') document.suggest(['backup', 'location'], `s3://${[part('s3_bucket'), part('s3_prefix')].filter(Boolean).join('/')}`);
  const location = document.get(['backup', 'location']);
  if (value !== 's3' || typeof location !== 'string' || !location.startsWith('s3://')) {
    document.unmetWish(`${path} asks for a store away from this host, and backup.location names none (set it, for example to s3://bucket/prefix)`);
  }
}

/** A DELETE without WHERE is a DELETE as well. */
const IMPLIED: Record<string, string[]> = { delete: ['delete', 'delete_without_where'] };

function forbid(kind: string, document: LegacyDocument, path: string): void {
  if (!StatementKind.safeParse(kind).success) {
    document.unmetWish(`${path} forbids a kind of statement that faber-db does not know; known: ${StatementKind.options.join(', ')}`);
    return;
  }
  for (const one of IMPLIED[kind] ?? [kind]) document.append(['safety', 'forbidden_statements'], one);
}

const demandSafety = (name: string) => (value: unknown, document: LegacyDocument, path: string) => {
  if (value !== false) document.demand(path, ['safety', name]);
};

const faberEnvironment = (name: string, meaning: string, apply: LegacyKey['apply']): LegacyKey => ({
  key: `faber_integration/environments/<environment>/${name}`,
  meaning,
  apply: (value, document, path) => {
    // Only what asks for more counts: the pipeline's own leniency was never the database's.
    if (value !== false) apply(value, document, path);
  },
});

/** Applied in this order: a later entry takes what earlier ones left of its subtree. */
export const LEGACY_KEYS: readonly LegacyKey[] = [
  { key: 'safety/approval_timeouts/standard', meaning: 'safety.approval.timeouts.low and .medium', apply: timeouts('low', 'medium') },
  { key: 'safety/approval_timeouts/enhanced', meaning: 'safety.approval.timeouts.high and .destructive', apply: timeouts('high', 'destructive') },
  {
    key: 'safety/backup_enforcement/<environment>',
    meaning: 'required: backup_before_migrate is true; recommended: its default is; optional: nothing',
    apply: (value, document, path) => {
      if (value === 'recommended') document.suggest(['environments', document.environment, 'backup_before_migrate'], true);
      // Anything unreadable counts as the strictest.
      else if (value !== 'optional') document.demandBackup(path);
    },
  },
  {
    key: 'safety/destructive_operations/*/allowed',
    meaning: 'false: in safety.forbidden_statements; of a kind that is not known there: an unmet wish',
    apply: (value, document, path) => {
      if (value !== true) forbid(path.split('.')[2] ?? '', document, path);
    },
  },
  {
    key: 'safety/destructive_operations/*/approval',
    meaning: `enhanced: safety.approval.confirmation_phrase is "${ENHANCED_PHRASE}"`,
    apply: (value, document) => {
      if (value === 'enhanced') document.suggest(['safety', 'approval', 'confirmation_phrase'], ENHANCED_PHRASE);
    },
  },
  {
    key: 'safety/destructive_operations/*/require_backup',
    meaning: 'backup_before_migrate is true',
    apply: (value, document, path) => {
      if (value !== false && document.isProtected) document.demandBackup(path);
    },
  },
  {
    key: 'safety/destructive_operations/*/require_where_clause',
    meaning: 'true: …_without_where is in safety.forbidden_statements',
    apply: (value, document, path) => {
      if (value !== false) forbid(`${(path.split('.')[2] ?? '').replace(/_without_where$/, '')}_without_where`, document, path);
    },
  },
  { key: 'safety/destructive_operations/*/row_threshold', meaning: 'nothing: the phrase is asked for whatever the number of rows', apply: nothing },
  { key: 'safety/destructive_operations/*/block_reason', meaning: 'nothing: a note', apply: nothing },

  { key: 'backup/storage_location', meaning: 'backup.location; another URL than s3:// is an unmet wish', apply: storageLocation },
  { key: 'backup/storage', meaning: 's3: backup.location is s3://bucket/prefix, of the two keys beside it; else an unmet wish', apply: storage },
  { key: 'backup/s3_bucket', meaning: 'said with backup.storage', apply: nothing },
  { key: 'backup/s3_prefix', meaning: 'said with backup.storage', apply: nothing },
  {
    key: 'backup/encrypt_backups',
    meaning: 'true: backup.encryption must name a key; an unmet wish where it names none',
    apply: (value, document, path) => {
      if (value === false || typeof document.get(['backup', 'encryption', 'key_env']) === 'string') return;
      document.unmetWish(`${path} asks for encrypted backups, and no key is named: set backup.encryption.key_env to the name of a variable on the worker that holds one`);
    },
  },
  { key: 'backup/provider', meaning: 'pg_dump: backup.method is dump; else nothing', apply: backupMethod },
  { key: 'environments/<environment>/backup_method', meaning: 'pg_dump: backup.method is dump; else nothing', apply: backupMethod },
  {
    key: 'backup/backup_before_destructive_ops',
    meaning: 'true: backup_before_migrate is true in protected environments',
    apply: (value, document, path) => {
      if (value !== false && document.isProtected) document.demandBackup(path);
    },
  },

  threshold('latency_warning_ms'),
  threshold('latency_critical_ms'),
  threshold('pending_migrations_warning'),
  {
    key: 'health_checks/enabled',
    meaning: 'false: no health check around changes where not protected',
    apply: (value, document, path) => {
      if (value !== false) return;
      if (document.isProtected) document.warn(`${path}: false has no effect in a protected environment`);
      else for (const name of ['health_check_before_deploy', 'health_check_after_deploy']) document.suggest(['safety', name], false);
    },
  },
  { key: 'health_checks/default_checks', meaning: 'nothing: every check runs', apply: nothing },
  { key: 'health_checks/timeouts', meaning: 'nothing: each check has its own limit', apply: noEffect('each check has its own limit') },
  { key: 'health_checks/on_unhealthy/block_deployment', meaning: 'true: safety.health_check_before_deploy', apply: demandSafety('health_check_before_deploy') },
  { key: 'health_checks/on_unhealthy/trigger_rollback', meaning: 'true: safety.rollback_on_health_check_failure', apply: demandSafety('rollback_on_health_check_failure') },
  { key: 'health_checks/on_unhealthy/notify_team', meaning: 'nothing', apply: noEffect('no notification is sent') },
  { key: 'health_checks/schedule', meaning: 'nothing', apply: noEffect('health checks are not scheduled') },
  { key: 'health_checks/notify_on', meaning: 'nothing', apply: noEffect('no notification is sent') },
  { key: 'health_checks/notification_channels', meaning: 'nothing', apply: noEffect('no notification is sent') },

  {
    key: 'integration/notify_on_failure',
    meaning: 'nothing: integration.notify_url_env says who is notified',
    apply: (value, document, path) => {
      if (value !== false) document.warn(`${path} has no effect: what ends is told to the webhook that integration.notify_url_env names, failures and successes`);
    },
  },
  {
    key: 'integration/log_all_operations',
    meaning: 'nothing: the audit is always on',
    apply: (value, document, path) => {
      if (value === false) document.warn(`${path}: false has no effect: the audit is always on`);
    },
  },

  faberEnvironment('require_approval', 'true: require_approval of the environment', (_, document, path) =>
    document.demand(path, ['environments', document.environment, 'require_approval'])),
  faberEnvironment('backup_required', 'true: backup_before_migrate of the environment', (_, document, path) => document.demandBackup(path)),
  faberEnvironment('health_check_before', 'true: safety.health_check_before_deploy', demandSafety('health_check_before_deploy')),
  faberEnvironment('health_check_after', 'true: safety.health_check_after_deploy', demandSafety('health_check_after_deploy')),
  faberEnvironment('validate_safety', 'true: safety.validate_destructive_operations', demandSafety('validate_destructive_operations')),
  { key: 'faber_integration', meaning: 'nothing: hooks of the pipeline, which calls faber-db', apply: noEffect('hooks belong to the pipeline that calls faber-db') },
];

export interface MappedConfig {
  config: Record<string, unknown>;
  warnings: string[];
  unmet: string[];
  moved: ReadonlyMap<string, string>;
}

/** Maps the original's keys for one environment; `config` is changed. Keys of other environments are taken out unread. */
export function mapLegacyKeys(config: Record<string, unknown>, environment: string, isProtected: boolean): MappedConfig {
  const document = new LegacyDocument(config, environment, isProtected);
  for (const { key, apply } of LEGACY_KEYS) {
    const steps = key.split('/');
    const environmentAt = steps.indexOf('<environment>');
    for (const path of document.places(key)) {
      const value = document.take(path);
      const shown = secretIn(path.join('.')) ? key : path.join('.');
      if (environmentAt === -1 || path[environmentAt] === environment) apply(value, document, shown);
    }
  }
  const { warnings, unmet, moved } = document;
  return { config, warnings, unmet, moved };
}
