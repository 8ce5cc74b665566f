/** What a renamed instance would leave behind, or take along: then it is not exchanged. */
import { paginateDescribeDBProxies, paginateDescribeDBProxyTargets, DescribeBlueGreenDeploymentsCommand, type DBInstance, type RDSClient } from '@aws-sdk/client-rds';
import { isDenied, statementFor } from '../errors.js';

export function ofInstance(instance: DBInstance): string[] {
  const id = instance.DBInstanceIdentifier ?? '';
  const replicas = [...(instance.ReadReplicaDBInstanceIdentifiers ?? []), ...(instance.ReadReplicaDBClusterIdentifiers ?? [])];
  return [
    ...(replicas.length > 0 ? [`the read replicas ${replicas.join(', ')} would go on following the replaced instance: remove them, and create them anew afterwards`] : []),
    ...(instance.ReadReplicaSourceDBInstanceIdentifier || instance.ReadReplicaSourceDBClusterIdentifier ? [`${id} is itself a read replica`] : []),
    ...(instance.DBClusterIdentifier ? [`${id} belongs to the cluster ${instance.DBClusterIdentifier}: set hosting to aws-aurora and rds_cluster_id to it`] : []),
    ...(instance.MasterUserSecret ? ["the password of the master user is managed by Secrets Manager, and a restored instance's is not: take that back first (aws rds modify-db-instance --no-manage-master-user-password)"] : []),
    ...(instance.DomainMemberships?.some((domain) => domain.AuthSecretArn) ? ['it is joined to a self-managed Active Directory, which is not carried over'] : []),
    ...(instance.ActivityStreamStatus && instance.ActivityStreamStatus !== 'stopped' ? ['its database activity stream would not go on: stop it first'] : []),
    ...(instance.DBInstanceAutomatedBackupsReplications?.length ? ['its automated backups are replicated to another region, which would not go on: stop the replication first'] : []),
  ];
}

/** Proxies name their targets by identifier at registration and follow the instance when it is renamed. */
export async function proxies(client: RDSClient, isTarget: (resource: { RdsResourceId?: string; TrackedClusterId?: string }) => boolean): Promise<string[]> {
  try {
    const found: string[] = [];
    for await (const page of paginateDescribeDBProxies({ client }, {})) {
      for (const { DBProxyName: name } of page.DBProxies ?? []) {
        for await (const { Targets } of paginateDescribeDBProxyTargets({ client }, { DBProxyName: name })) if (Targets?.some(isTarget)) found.push(name ?? '');
      }
    }
    return [...new Set(found)].map((name) => `the RDS proxy ${name} leads here and would not follow: deregister its target, and register it again afterwards`);
  } catch (error) {
    if (isDenied(error)) return [unknown('whether an RDS proxy leads here', 'rds:DescribeDBProxies and rds:DescribeDBProxyTargets', 'rds:DescribeDBProxy*')];
    throw error;
  }
}

export async function blueGreen(client: RDSClient, arn: string): Promise<string[]> {
  try {
    const { BlueGreenDeployments } = await client.send(new DescribeBlueGreenDeploymentsCommand({ Filters: [{ Name: 'source', Values: [arn] }] }));
    return (BlueGreenDeployments ?? [])
      .filter(({ Source, Status }) => Source === arn && Status !== 'SWITCHOVER_COMPLETED' && Status !== 'DELETING')
      .map(({ BlueGreenDeploymentName }) => `the blue/green deployment ${BlueGreenDeploymentName ?? ''} is of it`);
  } catch (error) {
    if (isDenied(error)) return [unknown('whether a blue/green deployment is of it', 'rds:DescribeBlueGreenDeployments', 'rds:DescribeBlueGreenDeployments')];
    throw error;
  }
}

const unknown = (what: string, missing: string, action: string) => `it cannot be told ${what}: ${missing} is not allowed. Add to the IAM policy: ${statementFor({ action, resources: ['*'] })}`;
