/** Settings of an Aurora cluster and of its instances that a restore resets to defaults, or leaves out. */
import type { CreateDBInstanceMessage, DBCluster, DBInstance, ModifyDBClusterMessage, ModifyDBInstanceMessage, RestoreDBClusterFromSnapshotMessage } from '@aws-sdk/client-rds';
import { list, text, yes, type Setting } from '../settings-table.js';

const securityGroups = (c: DBCluster) => c.VpcSecurityGroups?.flatMap((group) => group.VpcSecurityGroupId ?? []) ?? [];
const logs = (c: DBCluster) => c.EnabledCloudwatchLogsExports ?? [];

export const CLUSTER_SETTINGS: readonly Setting<DBCluster, RestoreDBClusterFromSnapshotMessage, ModifyDBClusterMessage>[] = [
  { what: 'engine mode', of: (c) => text(c.EngineMode), restore: (c) => ({ EngineMode: c.EngineMode }) },
  { what: 'cluster parameter group', of: (c) => text(c.DBClusterParameterGroup), restore: (c) => ({ DBClusterParameterGroupName: c.DBClusterParameterGroup }), modify: (c) => ({ DBClusterParameterGroupName: c.DBClusterParameterGroup }) },
  { what: 'security groups', of: (c) => list(securityGroups(c)), restore: (c) => ({ VpcSecurityGroupIds: securityGroups(c) }), modify: (c) => ({ VpcSecurityGroupIds: securityGroups(c) }) },
  { what: 'subnet group', of: (c) => text(c.DBSubnetGroup), restore: (c) => ({ DBSubnetGroupName: c.DBSubnetGroup }) },
  { what: 'port', of: (c) => text(c.Port), restore: (c) => ({ Port: c.Port }), modify: (c) => ({ Port: c.Port }) },
  { what: 'network', of: (c) => text(c.NetworkType), restore: (c) => ({ NetworkType: c.NetworkType }) },
  { what: 'storage type', of: (c) => (c.StorageType?.startsWith('aurora') ? text(c.StorageType) : undefined), restore: (c) => ({ StorageType: c.StorageType }) },
  { what: 'IAM authentication', of: (c) => yes(c.IAMDatabaseAuthenticationEnabled ?? false), restore: (c) => ({ EnableIAMDatabaseAuthentication: c.IAMDatabaseAuthenticationEnabled ?? false }), modify: (c) => ({ EnableIAMDatabaseAuthentication: c.IAMDatabaseAuthenticationEnabled ?? false }) },
  { what: 'log exports', of: (c) => list(logs(c)), restore: (c) => ({ EnableCloudwatchLogsExports: logs(c) }) },
  { what: 'Active Directory domain', of: (c) => text(c.DomainMemberships?.[0]?.Domain), restore: (c) => ({ Domain: c.DomainMemberships![0]!.Domain, DomainIAMRoleName: c.DomainMemberships![0]!.IAMRoleName }) },
  {
    what: 'serverless capacity', of: ({ ServerlessV2ScalingConfiguration: v2 }) => (v2 ? `${v2.MinCapacity ?? '?'} to ${v2.MaxCapacity ?? '?'}${v2.SecondsUntilAutoPause ? `, paused after ${v2.SecondsUntilAutoPause} s` : ''}` : undefined),
    restore: ({ ServerlessV2ScalingConfiguration: v2 }) => ({ ServerlessV2ScalingConfiguration: v2 }), modify: ({ ServerlessV2ScalingConfiguration: v2 }) => ({ ServerlessV2ScalingConfiguration: v2 }),
  },
  { what: 'tags to snapshots', of: (c) => yes(c.CopyTagsToSnapshot ?? false), restore: (c) => ({ CopyTagsToSnapshot: c.CopyTagsToSnapshot ?? false }), modify: (c) => ({ CopyTagsToSnapshot: c.CopyTagsToSnapshot ?? false }) },
  { what: 'extended support', of: (c) => text(c.EngineLifecycleSupport), restore: (c) => ({ EngineLifecycleSupport: c.EngineLifecycleSupport }) },
  { what: 'days of automated backups', of: (c) => text(c.BackupRetentionPeriod ?? 1), modify: (c) => ({ BackupRetentionPeriod: c.BackupRetentionPeriod ?? 1 }) },
  { what: 'backup window', of: (c) => text(c.PreferredBackupWindow), modify: (c) => ({ PreferredBackupWindow: c.PreferredBackupWindow }) },
  { what: 'maintenance window', of: (c) => text(c.PreferredMaintenanceWindow), modify: (c) => ({ PreferredMaintenanceWindow: c.PreferredMaintenanceWindow }) },
  { what: 'data API', of: (c) => (c.HttpEndpointEnabled ? 'on' : undefined), modify: (c) => ({ EnableHttpEndpoint: c.HttpEndpointEnabled ?? false }) },
];

/** Only on the one that will serve. */
export const SERVING_CLUSTER_SETTINGS: typeof CLUSTER_SETTINGS = [
  { what: 'deletion protection', of: (c) => yes(c.DeletionProtection ?? false), modify: (c) => ({ DeletionProtection: c.DeletionProtection ?? false }) },
];

/** `restore` is how an instance of the restored cluster is created: a snapshot has none. */
export const MEMBER_SETTINGS: readonly Setting<DBInstance, CreateDBInstanceMessage, ModifyDBInstanceMessage>[] = [
  { what: 'class', of: (i) => text(i.DBInstanceClass), restore: (i) => ({ DBInstanceClass: i.DBInstanceClass }) },
  { what: 'promotion tier', of: (i) => text(i.PromotionTier), restore: (i) => ({ PromotionTier: i.PromotionTier }), modify: (i) => ({ PromotionTier: i.PromotionTier }) },
  { what: 'parameter group', of: (i) => text(i.DBParameterGroups?.[0]?.DBParameterGroupName), restore: (i) => ({ DBParameterGroupName: i.DBParameterGroups![0]!.DBParameterGroupName }) },
  { what: 'publicly accessible', of: (i) => yes(i.PubliclyAccessible ?? false), restore: (i) => ({ PubliclyAccessible: i.PubliclyAccessible ?? false }), modify: (i) => ({ PubliclyAccessible: i.PubliclyAccessible ?? false }) },
  { what: 'availability zone', of: (i) => text(i.AvailabilityZone), restore: (i) => ({ AvailabilityZone: i.AvailabilityZone }) },
  { what: 'CA', of: (i) => text(i.CACertificateIdentifier), restore: (i) => ({ CACertificateIdentifier: i.CACertificateIdentifier }) },
  { what: 'automatic minor upgrades', of: (i) => yes(i.AutoMinorVersionUpgrade ?? false), restore: (i) => ({ AutoMinorVersionUpgrade: i.AutoMinorVersionUpgrade ?? false }) },
  { what: 'maintenance window', of: (i) => text(i.PreferredMaintenanceWindow), restore: (i) => ({ PreferredMaintenanceWindow: i.PreferredMaintenanceWindow }) },
  { what: 'enhanced monitoring every seconds', of: (i) => (i.MonitoringInterval ? `${i.MonitoringInterval} as ${i.MonitoringRoleArn ?? 'no role'}` : undefined), restore: (i) => ({ MonitoringInterval: i.MonitoringInterval, MonitoringRoleArn: i.MonitoringRoleArn }) },
  {
    what: 'performance insights for days', of: (i) => (i.PerformanceInsightsEnabled ? `${i.PerformanceInsightsRetentionPeriod ?? 7} with ${i.PerformanceInsightsKMSKeyId ?? 'the default key'}` : undefined),
    restore: (i) => ({ EnablePerformanceInsights: true, PerformanceInsightsRetentionPeriod: i.PerformanceInsightsRetentionPeriod, PerformanceInsightsKMSKeyId: i.PerformanceInsightsKMSKeyId }),
  },
];
