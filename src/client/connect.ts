/** The connection to Temporal, by the settings that every Temporal program understands. */
import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { FaberError } from '../contract/failure.js';
import { userAtHost } from './requester.js';
import { temporalUnavailable, toFaberError, type Where } from './temporal-errors.js';

export interface ConnectOptions {
  /** `host:port`. Default: TEMPORAL_ADDRESS, the profile, 127.0.0.1:7233. */
  address?: string;
  /** Default: TEMPORAL_NAMESPACE, the profile, `default`. */
  namespace?: string;
  /** Profile of the Temporal config file. Default: TEMPORAL_PROFILE, `default`. */
  profile?: string;
  apiKey?: string;
  /** Where workers take operations from. Default: FABER_DB_TASK_QUEUE, `faber-db`. */
  taskQueue?: string;
  /** Instead of the environment of the process. */
  env?: NodeJS.ProcessEnv;
}

export interface TemporalAccess extends Where {
  client: Client;
  connection: Connection;
}

const LOOPBACK = '127.0.0.1:7233';
const CONNECT_TIMEOUT = '5 seconds';

function loadConfig(options: ConnectOptions) {
  const env = options.env ?? process.env;
  const variables = Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  try {
    return loadClientConnectConfig({ overrideEnvVars: variables, ...(options.profile === undefined ? {} : { profile: options.profile }) });
  } catch (error) {
    throw new FaberError(
      {
        code: 'temporal_unavailable',
        message: `The Temporal connection settings cannot be read: ${error instanceof Error ? error.message.slice(0, 200) : 'unknown reason'}`,
        suggestions: ['Check TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE and the TEMPORAL_TLS_* variables'],
      },
      { cause: error },
    );
  }
}

/**
 * Connects and makes sure that the namespace is there.
 * @throws FaberError temporal_unavailable, with what to check.
 */
export async function connectTemporal(options: ConnectOptions = {}): Promise<TemporalAccess> {
  const { connectionOptions, namespace: configured = 'default' } = loadConfig(options);
  const address = options.address ?? connectionOptions.address ?? LOOPBACK;
  const namespace = options.namespace ?? configured;
  const where = { address, namespace };
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({
      ...(connectionOptions as ConnectionOptions),
      address,
      connectTimeout: CONNECT_TIMEOUT,
      // An API key goes with TLS unless TLS is off in the settings (loopback).
      ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey, tls: connectionOptions.tls ?? true }),
    });
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    await connection?.close();
    throw temporalUnavailable(error, where) ?? namespaceMissing(error, where);
  }
  return { connection, client: new Client({ connection, namespace, identity: `faber-db ${userAtHost()}` }), address, namespace };
}

function namespaceMissing(error: unknown, { address, namespace }: Where): FaberError {
  const known = toFaberError(error, { address, namespace }, namespace);
  if (known.code !== 'operation_not_found') return known;
  return new FaberError(
    {
      code: 'temporal_unavailable',
      message: `Temporal at ${address} has no namespace '${namespace}'`,
      suggestions: [`temporal operator namespace create --namespace ${namespace} --address ${address}`],
    },
    { cause: error },
  );
}
