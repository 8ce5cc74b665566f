/**
 * The full Temporal server with an authorizer, which stamps principals; the dev server stamps none. Built once from its Go
 * module, or named by FABER_DB_TEMPORAL_SERVER. In memory, all of it on loopback.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { SignJWT } from 'jose';
import { cacheFolder } from '../../src/dev/cache-folder.js';
import { freePort } from '../../src/dev/free-port.js';
import { startGroup } from '../../src/dev/process-group.js';
import { signer } from '../support/signing.js';
import { tempDir } from '../support/temp.js';

export const SERVER_VERSION = 'v1.32.0';

export interface AuthorizingServer {
  address: string;
  namespace: string;
  /** What a client of this person shows the server. */
  tokenOf(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** @throws Error when there is neither the program nor a Go that can build it */
async function program(): Promise<string> {
  const named = process.env['FABER_DB_TEMPORAL_SERVER'];
  if (named) return named;
  const folder = join(cacheFolder(), `temporal-server-${SERVER_VERSION}`);
  if (!existsSync(join(folder, 'server'))) {
    console.error(`Building the Temporal server ${SERVER_VERSION} (once, minutes, kept in ${folder})`);
    await mkdir(folder, { recursive: true });
    await promisify(execFile)('go', ['install', `go.temporal.io/server/cmd/server@${SERVER_VERSION}`], { env: { ...process.env, GOBIN: folder }, timeout: 55 * 60_000, maxBuffer: 2 ** 26 });
  }
  return join(folder, 'server');
}

export async function startAuthorizingServer(): Promise<AuthorizingServer> {
  const binary = await program();
  const folder = await tempDir('principal-');
  const issuer = signer('RS256');
  const jwks = join(folder, 'jwks.json');
  await writeFile(jwks, JSON.stringify({ keys: [{ ...issuer.known.jwk, kid: 'issuer', use: 'sig', alg: 'RS256' }] }));
  await writeFile(join(folder, 'dynamic.yaml'), 'frontend.enablePrincipalPropagation:\n- value: true\n');
  const { config, port } = await serverConfig(folder, jwks);
  await writeFile(join(folder, 'server.yaml'), JSON.stringify(config));
  const logFile = join(folder, 'server.log');
  const log = await open(logFile, 'w', 0o600);
  const services = ['frontend', 'internal-frontend', 'history', 'matching', 'worker'].flatMap((service) => ['--service', service]);
  const group = await startGroup(binary, ['--config-file', join(folder, 'server.yaml'), 'start', ...services], { stdio: ['ignore', log.fd, log.fd], cwd: folder });
  await log.close();
  const address = `127.0.0.1:${port}`;
  const tokenOf = (name: string, permissions = ['default:write']) =>
    new SignJWT({ sub: name, permissions }).setProtectedHeader({ alg: 'RS256', kid: 'issuer' }).setIssuedAt().setExpirationTime('2 hours').sign(issuer.privateKey);
  try {
    await registerNamespace(address, await tokenOf('admin', ['temporal-system:admin', 'default:admin']));
  } catch (error) {
    await group.stop('SIGKILL', 0);
    throw new Error(`the server did not start: ${String(error)}\n${(await readFile(logFile, 'utf8')).slice(-3000)}`, { cause: error });
  }
  return { address, namespace: 'default', tokenOf: (name) => tokenOf(name), stop: () => group.stop('SIGTERM', 5_000) };
}

async function registerNamespace(address: string, apiKey: string): Promise<void> {
  let last: unknown;
  for (const end = Date.now() + 120_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 500))) {
    let connection: Connection | undefined;
    try {
      connection = await Connection.connect({ address, apiKey, tls: false });
      const namespaces = await connection.workflowService.listNamespaces({});
      if (namespaces.namespaces?.some((n) => n.namespaceInfo?.name === 'default')) return;
      await connection.workflowService.registerNamespace({ namespace: 'default', workflowExecutionRetentionPeriod: { seconds: 86_400 as unknown as Long } });
    } catch (error) {
      last = error;
    } finally {
      await connection?.close();
    }
  }
  throw last;
}

type Long = NonNullable<NonNullable<Parameters<Connection['workflowService']['registerNamespace']>[0]['workflowExecutionRetentionPeriod']>['seconds']>;

/** As the server's own development-jwt.yaml, on free ports. YAML reads JSON. */
async function serverConfig(folder: string, jwks: string): Promise<{ config: object; port: number }> {
  const store = (databaseName: string) => ({
    sql: { user: '', password: '', pluginName: 'sqlite', databaseName, connectAddr: 'localhost', connectProtocol: 'tcp', connectAttributes: { mode: 'memory', cache: 'private' }, maxConns: 1, maxIdleConns: 1, maxConnLifetime: '1h' },
  });
  const port = await freePort();
  const rpc = async (grpcPort?: number) => ({ rpc: { grpcPort: grpcPort ?? (await freePort()), membershipPort: await freePort(), bindOnLocalHost: true } });
  const config = {
    log: { stdout: true, level: 'warn' },
    persistence: { defaultStore: 'main', visibilityStore: 'visibility', numHistoryShards: 1, datastores: { main: store('default'), visibility: store('default') } },
    global: {
      membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' },
      authorization: { authorizer: 'default', claimMapper: 'default', jwtKeyProvider: { keySourceURIs: [`file://${jwks}`] } },
    },
    services: { frontend: await rpc(port), 'internal-frontend': await rpc(), matching: await rpc(), history: await rpc(), worker: await rpc() },
    clusterMetadata: {
      enableGlobalNamespace: false, failoverVersionIncrement: 10, masterClusterName: 'active', currentClusterName: 'active',
      clusterInformation: { active: { enabled: true, initialFailoverVersion: 1, rpcName: 'frontend', rpcAddress: `localhost:${port}` } },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    dynamicConfigClient: { filepath: join(folder, 'dynamic.yaml'), pollInterval: '10s' },
  };
  return { config, port };
}
