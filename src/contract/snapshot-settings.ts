/** Whether backups of an environment are dumps or snapshots of the host, and what of AWS its settings name. */
import type { Config, EnvironmentConfig } from './config.js';
import { FaberError } from './failure.js';
import type { BackupMethod, Settings } from './settings.js';

const AWS = new Set<Settings['hosting']>(['aws-rds', 'aws-aurora']);

/**
 * @throws FaberError unsupported where snapshots are asked for and the host or the database system has none that we take;
 *   config_invalid where it is not said of what.
 */
export function backupMethod(config: Config, environment: string, hosting: Settings['hosting']): BackupMethod {
  const { rds_instance_id: instance, rds_cluster_id: cluster } = config.environments[environment]!;
  const named = hosting === 'aws-aurora' ? (cluster ?? instance) : instance;
  const possible = AWS.has(hosting) && config.database.provider === 'postgresql';
  const { method } = config.backup;
  if (method === 'dump' || (method === undefined && (!possible || named === undefined))) return 'dump';
  if (!possible) {
    throw new FaberError({
      code: 'unsupported',
      message: `backup.method is snapshot, and environments.${environment} is ${config.database.provider} with hosting '${hosting}': snapshots are taken of postgresql on aws-rds and aws-aurora`,
      suggestions: ['Set backup.method to dump, or leave it out', "Set the environment's hosting to aws-rds or aws-aurora if that is where it runs"],
    });
  }
  if (named !== undefined) return 'snapshot';
  const key = hosting === 'aws-aurora' ? 'rds_cluster_id' : 'rds_instance_id';
  throw new FaberError({
    code: 'config_invalid',
    message: `Invalid configuration: backup.method is snapshot, and environments.${environment}.${key} is missing`,
    suggestions: [`Set environments.${environment}.${key}, or backup.method to dump`],
  });
}

/** Nothing where the host is another. */
export function awsSettings(hosting: Settings['hosting'], chosen: EnvironmentConfig): Pick<Settings, 'aws'> {
  if (!AWS.has(hosting)) return {};
  return {
    aws: {
      region: chosen.region ?? null,
      instance_id: chosen.rds_instance_id ?? null,
      cluster_id: chosen.rds_cluster_id ?? null,
      assume_role_arn: chosen.assume_role_arn ?? null,
    },
  };
}
