/** What a renamed cluster would leave behind, or take along: then it is not exchanged. */
import type { DBCluster, DBInstance } from '@aws-sdk/client-rds';

export function ofCluster(cluster: DBCluster, members: readonly DBInstance[]): string[] {
  return [
    ...(cluster.GlobalClusterIdentifier || (cluster.GlobalWriteForwardingStatus && cluster.GlobalWriteForwardingStatus !== 'disabled') ? ['it is part of a global cluster, which a restored one is not: remove it from that first'] : []),
    ...(cluster.ReplicationSourceIdentifier ? [`it is a replica of ${cluster.ReplicationSourceIdentifier}`] : []),
    ...(cluster.ReadReplicaIdentifiers?.length ? [`the replicas ${cluster.ReadReplicaIdentifiers.join(', ')} would go on following the replaced cluster: remove them, and create them anew afterwards`] : []),
    ...(cluster.MasterUserSecret ? ["the password of the master user is managed by Secrets Manager, and a restored cluster's is not: take that back first (aws rds modify-db-cluster --no-manage-master-user-password)"] : []),
    ...(cluster.ActivityStreamStatus && cluster.ActivityStreamStatus !== 'stopped' ? ['its database activity stream would not go on: stop it first'] : []),
    ...(cluster.EngineMode && cluster.EngineMode !== 'provisioned' ? [`its engine mode is ${cluster.EngineMode}; restores are made for provisioned clusters, with serverless v2 or without`] : []),
    ...(cluster.LimitlessDatabase?.Status ? ['it is a limitless database'] : []),
    // A custom endpoint lists instances by name, and those of the restored cluster have other names.
    ...(cluster.CustomEndpoints ?? []).map((endpoint) => `the custom endpoint ${endpoint} would stay with the replaced cluster: remove it, and create it again afterwards`),
    ...(members.length === 0 ? ['it has no instance that a restored cluster could have the like of'] : []),
  ];
}
