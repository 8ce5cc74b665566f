/** Settings of an RDS instance that a restore resets to defaults, or may. */
import type { DBInstance, ModifyDBInstanceMessage, RestoreDBInstanceFromDBSnapshotMessage } from '@aws-sdk/client-rds';
import { list, text, yes, type Setting } from '../settings-table.js';

const securityGroups = (i: DBInstance) => i.VpcSecurityGroups?.flatMap((group) => group.VpcSecurityGroupId ?? []) ?? [];
/** The default one is given to what is restored by itself, and cannot be named. */
const optionGroup = (name: string | undefined) => (name?.startsWith('default:') ? {} : { OptionGroupName: name });
const logs = (i: DBInstance) => i.EnabledCloudwatchLogsExports ?? [];

export const INSTANCE_SETTINGS: readonly Setting<DBInstance, RestoreDBInstanceFromDBSnapshotMessage, ModifyDBInstanceMessage>[] = [
  { what: 'class', of: (i) => text(i.DBInstanceClass), restore: (i) => ({ DBInstanceClass: i.DBInstanceClass }), modify: (i) => ({ DBInstanceClass: i.DBInstanceClass }) },
  { what: 'parameter group', of: (i) => text(i.DBParameterGroups?.[0]?.DBParameterGroupName), restore: (i) => ({ DBParameterGroupName: i.DBParameterGroups![0]!.DBParameterGroupName }), modify: (i) => ({ DBParameterGroupName: i.DBParameterGroups![0]!.DBParameterGroupName }) },
  { what: 'option group', of: (i) => text(i.OptionGroupMemberships?.[0]?.OptionGroupName), restore: (i) => optionGroup(i.OptionGroupMemberships![0]!.OptionGroupName) },
  { what: 'security groups', of: (i) => list(securityGroups(i)), restore: (i) => ({ VpcSecurityGroupIds: securityGroups(i) }), modify: (i) => ({ VpcSecurityGroupIds: securityGroups(i) }) },
  { what: 'subnet group', of: (i) => text(i.DBSubnetGroup?.DBSubnetGroupName), restore: (i) => ({ DBSubnetGroupName: i.DBSubnetGroup!.DBSubnetGroupName }) },
  { what: 'port', of: (i) => text(i.Endpoint?.Port), restore: (i) => ({ Port: i.Endpoint!.Port }), modify: (i) => ({ DBPortNumber: i.Endpoint?.Port }) },
  { what: 'publicly accessible', of: (i) => yes(i.PubliclyAccessible ?? false), restore: (i) => ({ PubliclyAccessible: i.PubliclyAccessible ?? false }), modify: (i) => ({ PubliclyAccessible: i.PubliclyAccessible ?? false }) },
  { what: 'network', of: (i) => text(i.NetworkType), restore: (i) => ({ NetworkType: i.NetworkType }) },
  { what: 'Multi-AZ', of: (i) => yes(i.MultiAZ ?? false), restore: (i) => ({ MultiAZ: i.MultiAZ ?? false }), modify: (i) => ({ MultiAZ: i.MultiAZ ?? false }) },
  // With Multi-AZ the zones are the host's choice, and a failover changes them.
  { what: 'availability zone', of: (i) => (i.MultiAZ ? undefined : text(i.AvailabilityZone)), restore: (i) => ({ AvailabilityZone: i.AvailabilityZone }) },
  { what: 'storage type', of: (i) => text(i.StorageType), restore: (i) => ({ StorageType: i.StorageType }) },
  { what: 'storage GiB', of: (i) => text(i.AllocatedStorage), restore: (i) => ({ AllocatedStorage: i.AllocatedStorage }) },
  // gp2 and gp3 below their threshold report a base rate that no request may name.
  { what: 'IOPS', of: (i) => (i.StorageType?.startsWith('io') ? text(i.Iops) : undefined), restore: (i) => ({ Iops: i.Iops }) },
  { what: 'autoscaling of storage up to GiB', of: (i) => text(i.MaxAllocatedStorage), modify: (i) => ({ MaxAllocatedStorage: i.MaxAllocatedStorage ?? i.AllocatedStorage }) },
  { what: 'dedicated log volume', of: (i) => (i.DedicatedLogVolume ? 'on' : undefined), restore: () => ({ DedicatedLogVolume: true }) },
  { what: 'IAM authentication', of: (i) => yes(i.IAMDatabaseAuthenticationEnabled ?? false), restore: (i) => ({ EnableIAMDatabaseAuthentication: i.IAMDatabaseAuthenticationEnabled ?? false }), modify: (i) => ({ EnableIAMDatabaseAuthentication: i.IAMDatabaseAuthenticationEnabled ?? false }) },
  { what: 'CA', of: (i) => text(i.CACertificateIdentifier), restore: (i) => ({ CACertificateIdentifier: i.CACertificateIdentifier }) },
  { what: 'log exports', of: (i) => list(logs(i)), restore: (i) => ({ EnableCloudwatchLogsExports: logs(i) }) },
  { what: 'Active Directory domain', of: (i) => text(i.DomainMemberships?.[0]?.Domain), restore: (i) => ({ Domain: i.DomainMemberships![0]!.Domain, DomainIAMRoleName: i.DomainMemberships![0]!.IAMRoleName }) },
  { what: 'license', of: (i) => text(i.LicenseModel), restore: (i) => ({ LicenseModel: i.LicenseModel }) },
  { what: 'automatic minor upgrades', of: (i) => yes(i.AutoMinorVersionUpgrade ?? false), restore: (i) => ({ AutoMinorVersionUpgrade: i.AutoMinorVersionUpgrade ?? false }), modify: (i) => ({ AutoMinorVersionUpgrade: i.AutoMinorVersionUpgrade ?? false }) },
  { what: 'tags to snapshots', of: (i) => yes(i.CopyTagsToSnapshot ?? false), restore: (i) => ({ CopyTagsToSnapshot: i.CopyTagsToSnapshot ?? false }), modify: (i) => ({ CopyTagsToSnapshot: i.CopyTagsToSnapshot ?? false }) },
  { what: 'extended support', of: (i) => text(i.EngineLifecycleSupport), restore: (i) => ({ EngineLifecycleSupport: i.EngineLifecycleSupport }) },
  { what: 'days of automated backups', of: (i) => text(i.BackupRetentionPeriod ?? 0), modify: (i) => ({ BackupRetentionPeriod: i.BackupRetentionPeriod ?? 0 }) },
  { what: 'backup window', of: (i) => text(i.PreferredBackupWindow), modify: (i) => ({ PreferredBackupWindow: i.PreferredBackupWindow }) },
  { what: 'maintenance window', of: (i) => text(i.PreferredMaintenanceWindow), modify: (i) => ({ PreferredMaintenanceWindow: i.PreferredMaintenanceWindow }) },
  {
    what: 'enhanced monitoring every seconds', of: (i) => (i.MonitoringInterval ? `${i.MonitoringInterval} as ${i.MonitoringRoleArn ?? 'no role'}` : undefined),
    modify: (i) => (i.MonitoringInterval ? { MonitoringInterval: i.MonitoringInterval, MonitoringRoleArn: i.MonitoringRoleArn } : { MonitoringInterval: 0 }),
  },
  {
    what: 'performance insights for days', of: (i) => (i.PerformanceInsightsEnabled ? `${i.PerformanceInsightsRetentionPeriod ?? 7} with ${i.PerformanceInsightsKMSKeyId ?? 'the default key'}` : undefined),
    modify: (i) => (i.PerformanceInsightsEnabled
      ? { EnablePerformanceInsights: true, PerformanceInsightsRetentionPeriod: i.PerformanceInsightsRetentionPeriod, PerformanceInsightsKMSKeyId: i.PerformanceInsightsKMSKeyId }
      : { EnablePerformanceInsights: false }),
  },
];

/** Only on the one that will serve: what is thrown away again must not be in its own way. */
export const SERVING_SETTINGS: typeof INSTANCE_SETTINGS = [
  { what: 'deletion protection', of: (i) => yes(i.DeletionProtection ?? false), modify: (i) => ({ DeletionProtection: i.DeletionProtection ?? false }) },
];
