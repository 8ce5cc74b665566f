/** The client of RDS. Credentials come from the default chain of AWS alone; the config names a role to assume at most. */
import { RDSClient } from '@aws-sdk/client-rds';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import type { Settings } from '../../../contract/settings.js';

export type AwsPlace = NonNullable<Settings['aws']>;

/** One a place and process: each holds sockets, and credentials that are fetched anew shortly before they expire. */
const clients = new Map<string, RDSClient>();

export function rdsClient({ region, assume_role_arn: role }: AwsPlace): RDSClient {
  const key = JSON.stringify([region, role]);
  let client = clients.get(key);
  if (client === undefined) {
    client = new RDSClient({
      ...(region !== null && { region }),
      ...(role !== null && { credentials: fromTemporaryCredentials({ params: { RoleArn: role, RoleSessionName: 'faber-db' }, ...(region !== null && { clientConfig: { region } }) }) }),
      requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
    });
    clients.set(key, client);
  }
  return client;
}
