/**
 * From the config file to the settings of one environment: original keys mapped, defaults filled in, protection applied.
 * Pure: the same config, environment and directories give the same settings.
 */
import { isAbsolute, join, resolve } from 'node:path';
import { approvalRemarks, approvalSettings, type ReadPublicKeys } from './approval-settings.js';
import { boundedTexts } from './bounded.js';
import { APPROVABLE_OPERATIONS, bytesOf, Config, CONFIG_PATH, configJsonSchema, type EnvironmentConfig } from './config.js';
import { findSecrets } from './config-secrets.js';
import { isDeeperThan, MAX_DEPTH } from './depth.js';
import { FaberError } from './failure.js';
import { describeIssue } from './issues.js';
import { mapLegacyKeys } from './legacy-keys.js';
import { nearest } from './nearest.js';
import { isDevelopment, protectionOf } from './protection.js';
import { awsSettings, backupMethod } from './snapshot-settings.js';
import { SUPPORTED, USUAL_MIGRATIONS, type Settings } from './settings.js';
import { storeSettings } from './store-settings.js';
import { unknownKeyWarnings } from './unknown-keys.js';

export interface SettingsOptions {
  /** Home directory, for the default store. Without it and without `store`, `backup.location` must be in the config. */
  home?: string;
  /** Where backups go unless the config says: `$FABER_DB_STORE` or the data folder of the user. */
  store?: string;
  /** The file as people know it, for messages. */
  configPath?: string;
  /** Reads the keys that decisions are signed with; without it a config that wants signatures is refused. */
  readPublicKeys?: ReadPublicKeys;
}

/** Made once: it costs more than all the rest. */
let schemaOfConfig: Record<string, unknown> | undefined;
const configSchema = () => (schemaOfConfig ??= configJsonSchema());

type Raw = Record<string, unknown>;

function isObject(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(problems: readonly string[], configPath: string): FaberError {
  const [first = 'the config is invalid', ...rest] = problems;
  return new FaberError({ code: 'config_invalid', message: `Invalid configuration: ${first}`, suggestions: [...rest, `Edit ${configPath}`] });
}

function requireEnvironment(raw: Raw, environment: string, configPath: string): Raw {
  const environments = isObject(raw['environments']) ? raw['environments'] : {};
  // `__proto__` is a key of parsed JSON, and no key of any object that is built from it.
  const found = environment !== '__proto__' && Object.hasOwn(environments, environment) ? environments[environment] : undefined;
  if (isObject(found)) return found;
  const names = Object.keys(environments);
  const near = nearest(environment, names);
  throw new FaberError({
    code: 'environment_not_configured',
    message: `Environment '${environment.slice(0, 200)}' not found in configuration`,
    suggestions: [
      ...(near ? [`Did you mean '${near}'?`] : []),
      `Configured: ${names.length > 0 ? names.join(', ') : 'none'}`,
      `Add it under 'environments' in ${configPath}`,
    ],
  });
}

function parseConfig(raw: Raw, moved: ReadonlyMap<string, string>, configPath: string): Config {
  const parsed = Config.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw invalid(
    parsed.error.issues.map((issue) => {
      const sentence = describeIssue(issue, raw);
      const old = moved.get(issue.path.join('.'));
      return old ? sentence.replace(issue.path.join('.'), old) : sentence;
    }),
    configPath,
  );
}

function requireSupported(config: Config): void {
  const { provider, migration_tool: tool } = config.database;
  if (SUPPORTED[provider].includes(tool)) return;
  const some = SUPPORTED[provider].length > 0;
  const providers = Object.entries(SUPPORTED).flatMap(([name, tools]) => (tools.length > 0 ? [name] : []));
  throw new FaberError({
    code: 'unsupported',
    message: some ? `database.migration_tool '${tool}' is not supported on ${provider} by this release` : `database.provider '${provider}' is not supported by this release`,
    suggestions: [`Supported: ${(some ? SUPPORTED[provider] : providers).join(', ')}`],
  });
}

/** In the original, going back to a backup was a form of rollback: whoever listed rollback meant these as well. */
function approvableIn(config: Config): string[] {
  const listed = new Set<string>(config.safety.require_approval_for);
  if (listed.has('rollback')) for (const operation of ['rollback-to', 'restore']) listed.add(operation);
  return APPROVABLE_OPERATIONS.filter((operation) => listed.has(operation));
}

function storeLocation(config: Config, workingDirectory: string, options: SettingsOptions, configPath: string): string {
  const { location } = config.backup;
  if (location !== undefined) {
    if (location.startsWith('s3://')) return location;
    if (/^[a-z0-9]+:\/\//i.test(location)) {
      throw new FaberError({ code: 'unsupported', message: 'backup.location is neither a folder nor a place in S3', suggestions: ['Set it to a folder, for example on a mounted volume, or to s3://bucket/prefix'] });
    }
    return resolve(workingDirectory, location);
  }
  // Outside the checkout: whoever cleans the checkout must not take the backups along.
  if (options.store?.startsWith('s3://')) return options.store;
  const fallback = options.store ?? (options.home === undefined ? undefined : join(options.home, '.local/share/faber-db/store'));
  if (fallback === undefined) throw invalid(['backup.location is missing'], configPath);
  return isAbsolute(fallback) ? fallback : resolve(workingDirectory, fallback);
}

function defaultRetention(environment: string, isProtected: boolean): number {
  if (isProtected) return 90;
  return isDevelopment(environment) ? 30 : 60;
}

/** Daily, after the nightly backups: retention also looks where no backup succeeds any more. */
const DEFAULT_CLEANUP = '30 4 * * *';

function schedulesOf({ backup }: Config, chosen: EnvironmentConfig): Settings['schedules'] {
  const lineOf = (line: string | undefined) => (line === undefined || line === 'off' ? null : line);
  const taken = lineOf(chosen.backup_schedule);
  // What goes with scheduled backups begins with them.
  const ofAll = (line: string | undefined) => (taken === null ? undefined : line);
  return {
    backup: taken,
    cleanup: lineOf(chosen.cleanup_schedule ?? ofAll(backup.cleanup_schedule ?? (backup.auto_cleanup ? DEFAULT_CLEANUP : undefined))),
    drill: lineOf(chosen.drill_schedule ?? ofAll(backup.drill_schedule)),
  };
}

function migrationSettings({ migrations, database }: Config, workingDirectory: string): Settings['migrations'] {
  const { directory, table, config_file: file, url_variable: variable, variables, ...limits } = migrations;
  const usual = USUAL_MIGRATIONS[database.migration_tool];
  return {
    ...limits,
    directory: resolve(workingDirectory, directory ?? usual.directory),
    table: table ?? usual.table,
    ...(file === undefined ? {} : { config_file: resolve(workingDirectory, file) }),
    ...(variable === undefined ? {} : { url_variable: variable }),
    ...(variables.length === 0 ? {} : { variables }),
  };
}

/** What the config says and this release does not do, or does although it says otherwise. */
function remarks(config: Config, chosen: EnvironmentConfig, environment: string, isProtected: boolean, approvable: readonly string[]): string[] {
  const said: string[] = [];
  const at = `environments.${environment}`;
  const hosting = chosen.hosting ?? config.database.hosting;
  if (hosting === 'gcp-sql' || hosting === 'azure-sql') said.push(`hosting '${hosting}' is treated as any PostgreSQL server`);
  if (!isProtected) return said;
  if (chosen.require_approval === false) said.push(`${at}.require_approval: false has no effect in a protected environment`);
  if (chosen.backup_before_migrate === false) said.push(`${at}.backup_before_migrate is false: changes to this protected environment are not backed up first`);
  for (const operation of ['migrate', 'rollback', 'rollback-to', 'restore', 'seed']) {
    if (!approvable.includes(operation)) said.push(`safety.require_approval_for does not name ${operation}: it runs in this protected environment without approval`);
  }
  if (!config.safety.validate_destructive_operations) said.push('safety.validate_destructive_operations: false has no effect in a protected environment');
  const off = ['health_check_before_deploy', 'health_check_after_deploy'] as const;
  for (const name of off) if (!config.safety[name]) said.push(`safety.${name} is false in a protected environment`);
  return said;
}

/**
 * The settings of one environment.
 * @param rawConfig the parsed JSON of the config file; it is not changed
 * @param workingDirectory absolute path of the project
 * @throws FaberError config_invalid (wrong value, URL or secret in the file, more safety asked for than there is in a
 *   protected environment), environment_not_configured, unsupported (provider, tool, store).
 */
export function effectiveSettings(rawConfig: unknown, environment: string, workingDirectory: string, options: SettingsOptions = {}): Settings {
  const configPath = options.configPath ?? CONFIG_PATH;
  if (!isObject(rawConfig)) throw invalid(['the file is not a JSON object'], configPath);
  if (isDeeperThan(rawConfig, MAX_DEPTH)) throw invalid([`the file is nested deeper than ${MAX_DEPTH} levels`], configPath);
  const secrets = findSecrets(rawConfig);
  if (secrets.length > 0) throw invalid(secrets, configPath);
  const written = requireEnvironment(rawConfig, environment, configPath);
  const safety = isObject(rawConfig['safety']) ? rawConfig['safety'] : {};
  const protection = protectionOf(environment, written['protected'], safety['protected_environments']);

  const mapped = mapLegacyKeys(structuredClone(rawConfig), environment, protection.protected);
  const config = parseConfig(mapped.config, mapped.moved, configPath);
  const unmet = [...mapped.unmet];
  if (unmet.length > 0 && protection.protected) throw invalid(unmet, configPath);
  const wrong: string[] = [];
  const approval = approvalSettings(config, options.readPublicKeys, wrong);
  if (wrong.length > 0) throw invalid(wrong, configPath);
  requireSupported(config);

  const chosen = config.environments[environment] as EnvironmentConfig;
  const approvable = approvableIn(config);
  const hosting = chosen.hosting ?? config.database.hosting;
  const method = backupMethod(config, environment, hosting);
  const needsApproval = protection.protected || chosen.require_approval === true;
  return {
    environment,
    working_directory: workingDirectory,
    provider: config.database.provider,
    hosting,
    migration_tool: config.database.migration_tool,
    connection_string_env: chosen.connection_string_env,
    direct_connection_string_env: chosen.direct_connection_string_env ?? null,
    protected: protection.protected,
    task_queue: chosen.task_queue ?? null,
    approval_required: needsApproval ? approvable : [],
    approval,
    migrations: migrationSettings(config, workingDirectory),
    safety: {
      health_check_before: config.safety.health_check_before_deploy,
      health_check_after: config.safety.health_check_after_deploy,
      rollback_on_migration_failure: config.safety.rollback_on_migration_failure,
      rollback_on_health_check_failure: config.safety.rollback_on_health_check_failure,
      max_auto_rollback_attempts: config.safety.max_auto_rollback_attempts,
      validate_destructive_operations: protection.protected || config.safety.validate_destructive_operations,
      forbidden_statements: config.safety.forbidden_statements,
      hold_writes: config.safety.hold_writes,
      heartbeat_timeout_seconds: config.safety.heartbeat_timeout_seconds,
      on_failure: config.safety.on_failure,
    },
    backup: {
      before_change: chosen.backup_before_migrate ?? !isDevelopment(environment),
      method,
      ...storeSettings(storeLocation(config, workingDirectory, options, configPath), config.backup.s3, chosen),
      ...(config.backup.encryption && { encryption: config.backup.encryption }),
      retention_days: chosen.backup_retention_days ?? config.backup.retention_days ?? defaultRetention(environment, protection.protected),
      auto_cleanup: config.backup.auto_cleanup,
      compression: config.backup.compression,
      verify: config.backup.verify ?? (protection.protected && method === 'dump' ? 'proven' : 'checked'),
      max_database_size: bytesOf(config.backup.max_database_size),
    },
    health: config.health_checks,
    seed: { ...config.seed, command: config.seed.command ?? null },
    logs_plugin: config.integration.logs_plugin ?? null,
    integration: {
      cloud_plugin: config.integration.cloud_plugin ?? null,
      cloud_timeout_seconds: config.integration.cloud_timeout_seconds,
      work_plugin: config.integration.work_plugin ?? null,
      notify_url_env: config.integration.notify_url_env ?? null,
      temporal_ui: config.integration.temporal_ui?.replace(/\/+$/, '') ?? null,
      region: chosen.region ?? null,
    },
    ...awsSettings(hosting, chosen),
    schedules: schedulesOf(config, chosen),
    auto_migrate: chosen.auto_migrate === true && !protection.protected,
    phases: { ...config.phases.evaluate, test_command: config.phases.evaluate.test_command ?? null, ...config.phases.release },
    warnings: boundedTexts([
      ...(protection.warning ? [protection.warning] : []),
      ...unmet,
      ...mapped.warnings,
      ...approvalRemarks(config),
      ...remarks(config, chosen, environment, protection.protected, approvable),
      ...unknownKeyWarnings(mapped.config, configSchema()),
    ]),
  };
}
