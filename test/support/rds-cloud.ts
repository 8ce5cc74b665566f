/**
 * RDS for tests: moto answers, and a proxy in front of it gives its instances what they lack: a real PostgreSQL each, an address that
 * leads there, an id that stays, and time that passes (`creating`, `renaming`). A second proxy in front of that is the test's, to make it fail.
 */
import { rm } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { CreateDBClusterCommand, CreateDBInstanceCommand, RDSClient, type CreateDBClusterCommandInput, type CreateDBInstanceCommandInput } from '@aws-sdk/client-rds';
import { freePort } from '../../src/dev/free-port.js';
import { aws, AWS_VARIABLES } from './aws.js';
import { firstServer, physicalCopy, serverOn, type CloudServer } from './cloud-server.js';
import { Endpoint } from './endpoint.js';
import { FaultProxy, type ProxiedRequest } from './fault-proxy.js';

interface Served { server: CloudServer | null; resourceId: string; busy: string | null }
interface Snapshot { copy: string | null; of: CloudServer; looked: number }

/** A snapshot that is copied already is shown as in the making for so many looks more: progress has to be seen. */
const LOOKS = 2;

export class RdsCloud {
  readonly #servers = new Map<string, Served>();
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #work = new Set<Promise<unknown>>();
  readonly #failed: unknown[] = [];
  readonly #started: CloudServer[] = [];
  #network = 1 + (process.pid % 200);

  private constructor(private readonly clouded: FaultProxy, readonly proxy: FaultProxy, readonly port: number, readonly client: RDSClient) {}

  static async start(): Promise<RdsCloud> {
    const clouded = await FaultProxy.to((await aws()).endpoint);
    const proxy = await FaultProxy.to(clouded.endpoint);
    const credentials = { accessKeyId: AWS_VARIABLES.AWS_ACCESS_KEY_ID, secretAccessKey: AWS_VARIABLES.AWS_SECRET_ACCESS_KEY };
    const client = new RDSClient({ endpoint: clouded.endpoint, region: AWS_VARIABLES.AWS_REGION, credentials });
    const cloud = new RdsCloud(clouded, proxy, await freePort(), client);
    clouded.fail(({ action }) => action !== null, { kind: 'rewrite', body: (text, request) => cloud.#answer(text, request) });
    return cloud;
  }

  /** For the worker and for handlers: the default chain of AWS finds all that it needs here. */
  get variables(): Record<string, string> {
    return { ...AWS_VARIABLES, AWS_ENDPOINT_URL_RDS: this.proxy.endpoint, AWS_ENDPOINT_URL_STS: this.proxy.endpoint };
  }

  /** An instance with an empty server of its own. */
  async create(id: string, more: Partial<CreateDBInstanceCommandInput> = {}): Promise<CloudServer> {
    const server = await firstServer();
    this.#started.push(server);
    await this.#has(id, { server, resourceId: resourceId(), busy: null });
    await this.client.send(new CreateDBInstanceCommand({
      DBInstanceIdentifier: id, DBInstanceClass: 'db.t3.medium', Engine: 'postgres', EngineVersion: '15.8', AllocatedStorage: 20, MasterUsername: 'postgres', MasterUserPassword: 'not-used-here', Port: this.port, ...more,
    }));
    return server;
  }

  /** A cluster with an empty server of its own, and instances that only have names. */
  async createCluster(id: string, instances: readonly string[], more: Partial<CreateDBClusterCommandInput> = {}): Promise<CloudServer> {
    const server = await firstServer();
    this.#started.push(server);
    await this.#has(id, { server, resourceId: resourceId(), busy: null });
    await this.client.send(new CreateDBClusterCommand({ DBClusterIdentifier: id, Engine: 'aurora-postgresql', MasterUsername: 'postgres', MasterUserPassword: 'not-used-here', Port: this.port, ...more }));
    for (const [at, name] of instances.entries()) {
      await this.client.send(new CreateDBInstanceCommand({ DBInstanceIdentifier: name, DBClusterIdentifier: id, DBInstanceClass: at === 0 ? 'db.r6g.xlarge' : 'db.r6g.large', Engine: 'aurora-postgresql', PromotionTier: at + 1 }));
    }
    return server;
  }

  /** Host and port of an instance's name, whoever has it. */
  address(id: string): { host: string; port: number } {
    return { host: this.#endpoints.get(id)!.host, port: this.port };
  }

  /** The server that has the name. */
  server(id: string): CloudServer | null {
    return this.#servers.get(id)?.server ?? null;
  }

  resourceIdOf(id: string): string {
    return this.#servers.get(id)!.resourceId;
  }

  /** What was asked for by an action, oldest first, through the test's proxy. */
  asked(action: string): URLSearchParams[] {
    return this.proxy.seen.filter((one) => one.action === action).map(({ parameters }) => parameters);
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#work);
    this.client.destroy();
    await Promise.all([...this.#endpoints.values()].map((endpoint) => endpoint.close()));
    await Promise.all([this.proxy.close(), this.clouded.close(), ...this.#started.map((server) => server.stop())]);
    for (const { copy } of this.#snapshots.values()) if (copy !== null) await rm(dirname(copy), { recursive: true, force: true });
    if (this.#failed.length > 0) throw new AggregateError(this.#failed, 'the cloud for tests failed');
  }

  async #has(id: string, instance: Served): Promise<void> {
    this.#servers.set(id, instance);
    if (this.#endpoints.has(id)) return;
    const host = `127.0.${this.#network}.${this.#endpoints.size + 1}`;
    this.#endpoints.set(id, await Endpoint.at(host, this.port, () => this.#servers.get(id)?.server?.port ?? null));
  }

  #later(work: () => Promise<void>): void {
    const running = work().catch((error: unknown) => void this.#failed.push(error)).finally(() => this.#work.delete(running));
    this.#work.add(running);
  }

  #answer(text: string, { action, parameters }: ProxiedRequest): string {
    if (!text.includes('<ErrorResponse')) this.#happen(action ?? '', parameters);
    return text
      .replace(/<DBInstance>[\s\S]*?<\/DBInstance>/g, (xml) => this.#instance(xml))
      .replace(/<DBCluster>[\s\S]*?<\/DBCluster>/g, (xml) => this.#cluster(xml))
      .replace(/<DBSnapshot>[\s\S]*?<\/DBSnapshot>/g, (xml) => this.#snapshot(xml, 'DBSnapshotIdentifier'))
      .replace(/<DBClusterSnapshot>[\s\S]*?<\/DBClusterSnapshot>/g, (xml) => this.#snapshot(xml, 'DBClusterSnapshotIdentifier'));
  }

  #happen(action: string, parameters: URLSearchParams): void {
    const get = (...names: string[]) => names.map((name) => parameters.get(name)).find((value) => value !== null) ?? '';
    const id = action.includes('Cluster') ? get('DBClusterIdentifier') : get('DBInstanceIdentifier');
    const there = this.#servers.get(id);
    if (action === 'CreateDBSnapshot' || action === 'CreateDBClusterSnapshot') this.#copy(get('DBSnapshotIdentifier', 'DBClusterSnapshotIdentifier'), there!.server!);
    if (action === 'RestoreDBInstanceFromDBSnapshot' || action === 'RestoreDBClusterFromSnapshot') this.#restore(id, get('DBSnapshotIdentifier', 'SnapshotIdentifier'));
    const newId = get('NewDBInstanceIdentifier', 'NewDBClusterIdentifier');
    if (newId !== '' && there) this.#rename(id, newId, there);
    if ((action === 'DeleteDBInstance' || action === 'DeleteDBCluster') && there) {
      this.#servers.delete(id);
      this.#endpoints.get(id)?.cut();
    }
  }

  #copy(snapshotId: string, of: CloudServer): void {
    const snapshot: Snapshot = { copy: null, of, looked: 0 };
    this.#snapshots.set(snapshotId, snapshot);
    this.#later(async () => void (snapshot.copy = await physicalCopy(of)));
  }

  #restore(id: string, snapshotId: string): void {
    const made: Served = { server: null, resourceId: resourceId(), busy: 'creating' };
    const { copy, of } = this.#snapshots.get(snapshotId)!;
    this.#later(async () => {
      await this.#has(id, made);
      made.server = await serverOn(copy!, of);
      this.#started.push(made.server);
      made.busy = null;
    });
  }

  #rename(id: string, newId: string, there: Served): void {
    this.#servers.delete(id);
    this.#endpoints.get(id)?.cut();
    there.busy = 'renaming';
    this.#later(async () => {
      await this.#has(newId, there);
      there.busy = null;
    });
  }

  #instance(xml: string): string {
    const id = textOf(xml, 'DBInstanceIdentifier');
    const instance = this.#servers.get(id);
    if (!instance) return xml;
    const host = this.#endpoints.get(id)?.host ?? '127.0.0.1';
    return xml
      .replace(/<DbiResourceId>.*?</, `<DbiResourceId>${instance.resourceId}<`)
      .replace(/<Address>.*?</, `<Address>${host}<`)
      .replace(/<DBInstanceStatus>.*?</, `<DBInstanceStatus>${instance.busy ?? 'available'}<`);
  }

  #cluster(xml: string): string {
    const id = textOf(xml, 'DBClusterIdentifier');
    const cluster = this.#servers.get(id);
    if (!cluster) return xml;
    return xml
      .replace(/<Endpoint>.*?</, `<Endpoint>${this.#endpoints.get(id)?.host ?? '127.0.0.1'}<`)
      .replace(/<Status>.*?</, `<Status>${cluster.busy ?? 'available'}<`);
  }

  #snapshot(xml: string, identifier: string): string {
    const snapshot = this.#snapshots.get(textOf(xml, identifier));
    if (!snapshot) return xml;
    snapshot.looked += 1;
    const made = snapshot.copy !== null && snapshot.looked > LOOKS;
    return xml
      .replace(/<PercentProgress>.*?<\/PercentProgress>/, '')
      .replace(/<Status>.*?<\/Status>/, `<Status>${made ? 'available' : 'creating'}</Status><PercentProgress>${made ? 100 : Math.min(90, 30 * snapshot.looked)}</PercentProgress>`);
  }
}

const resourceId = () => `db-${randomBytes(13).toString('hex').toUpperCase()}`;
const textOf = (xml: string, name: string) => new RegExp(`<${name}>(.*?)<`).exec(xml)?.[1] ?? '';
