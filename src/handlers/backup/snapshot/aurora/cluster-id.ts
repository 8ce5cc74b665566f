/** Which cluster an environment means: as the config says, or the one that its instance belongs to. */
import { DescribeDBInstancesCommand, type RDSClient } from '@aws-sdk/client-rds';
import { FaberError } from '../../../../contract/failure.js';
import type { AwsPlace } from '../client.js';
import { awsFailure } from '../errors.js';

/** @throws FaberError backup_failed when the instance is in no cluster, or cannot be asked for */
export async function clusterId(client: RDSClient, { cluster_id: cluster, instance_id: instance }: AwsPlace): Promise<string> {
  if (cluster !== null) return cluster.toLowerCase();
  const id = instance ?? '';
  const found = await client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id })).catch((error: unknown) => {
    throw awsFailure(error, { code: 'backup_failed', what: `describe RDS instance ${id}`, action: 'rds:DescribeDBInstances', resources: [`arn:aws:rds:*:*:db:${id}`], state: 'Nothing was changed' });
  });
  const its = found.DBInstances?.[0]?.DBClusterIdentifier;
  if (its !== undefined) return its;
  const reason = `the RDS instance ${id} is in no Aurora cluster`;
  throw new FaberError({ code: 'backup_failed', message: `No backup can be taken: ${reason}. Nothing was changed`, result: { backup_error: reason }, suggestions: ['Set rds_cluster_id of the environment, or hosting to aws-rds'] });
}
