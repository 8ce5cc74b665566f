/** Backups by snapshot against RDS for tests. */
import type { Settings } from '../../../../src/contract/settings.js';
import type { BackupHandler, BackupOptions } from '../../../../src/handlers/backup/contract.js';
import { snapshotHandler } from '../../../../src/handlers/backup/snapshot/index.js';
import type { RdsCloud } from '../../../support/rds-cloud.js';
import { backups, database, never } from '../setup.js';

/** Asks quickly: nothing here takes minutes. */
const PACE = { first: 20, longest: 100 };

export function handlerFor(cloud: RdsCloud, id: string, region: string | null = null, role: string | null = null): BackupHandler {
  // What the SDK would try again by itself, slowly, our own waiting does too.
  Object.assign(process.env, cloud.variables, { AWS_MAX_ATTEMPTS: '1' });
  const aws = { region, instance_id: id, cluster_id: null, assume_role_arn: role };
  return snapshotHandler({ provider: 'postgresql', hosting: 'aws-rds', aws, backup: { method: 'snapshot' } }, database, backups, PACE)!;
}

export function clusterHandlerFor(cloud: RdsCloud, named: { cluster_id: string | null; instance_id: string | null }): BackupHandler {
  Object.assign(process.env, cloud.variables, { AWS_MAX_ATTEMPTS: '1' });
  const aws = { region: null, assume_role_arn: null, ...named };
  return snapshotHandler({ provider: 'postgresql', hosting: 'aws-aurora', aws, backup: { method: 'snapshot' } }, database, backups, PACE)!;
}

export const optionsOf = (settings: Settings, backupId: string): BackupOptions => ({ settings, backupId, operationId: 'op-1', label: null, reason: null, ledgerDigest: null, signal: never });
