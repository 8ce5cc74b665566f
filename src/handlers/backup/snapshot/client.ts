/** The client of RDS. Credentials come from the default chain of AWS alone; the config names a role to assume at most. */
import { RDSClient, type RDSClientConfig } from '@aws-sdk/client-rds';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { FaberError } from '../../../contract/failure.js';
import type { Settings } from '../../../contract/settings.js';
import { nameOf, passes, statementFor } from './errors.js';

export type AwsPlace = NonNullable<Settings['aws']>;

/** One a place and process: each holds sockets, and credentials that are fetched anew shortly before they expire. */
const clients = new Map<string, RDSClient>();

export function rdsClient({ region, assume_role_arn: role }: AwsPlace): RDSClient {
  const key = JSON.stringify([region, role]);
  let client = clients.get(key);
  if (client === undefined) {
    client = new RDSClient({
      ...(region !== null && { region }),
      ...(role !== null && { credentials: assumed(role, region) }),
      requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
    });
    clients.set(key, client);
  }
  return client;
}

/** A role that may not be assumed is no permission that lacks at RDS. */
function assumed(role: string, region: string | null): RDSClientConfig['credentials'] {
  const assume = fromTemporaryCredentials({ params: { RoleArn: role, RoleSessionName: 'faber-db' }, ...(region !== null && { clientConfig: { region } }) });
  return async (properties) => {
    try {
      return await assume(properties);
    } catch (error) {
      if (passes(error)) throw error;
      const reason = `the role ${role} could not be assumed (${nameOf(error)})`;
      throw new FaberError({
        code: 'backup_failed',
        message: `Nothing could be asked of RDS: ${reason}. Nothing was changed`,
        result: { backup_error: reason, reason },
        suggestions: [`Let the role trust the worker's identity, and add to that one's policy: ${statementFor({ action: 'sts:AssumeRole', resources: [role] })}`, 'Who the worker is: aws sts get-caller-identity'],
      });
    }
  };
}
