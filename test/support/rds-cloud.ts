/**
 * RDS for tests: moto answers, and a proxy in front of it gives its instances what they lack: a real PostgreSQL each, an address that
 * leads there, an id that stays, and time that passes (`creating`, `renaming`). A second proxy in front of that is the test's, to make it fail.
 */
import { rm } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { CreateDBInstanceCommand, RDSClient, type CreateDBInstanceCommandInput } from '@aws-sdk/client-rds';
import { freePort } from '../../src/dev/free-port.js';
import { aws, AWS_VARIABLES } from './aws.js';
import { firstServer, physicalCopy, serverOn, type CloudServer } from './cloud-server.js';
import { Endpoint } from './endpoint.js';
import { FaultProxy, type ProxiedRequest } from './fault-proxy.js';

interface Instance { server: CloudServer | null; resourceId: string; busy: string | null }
interface Snapshot { copy: string | null; of: CloudServer; looked: number }

/** A snapshot that is copied already is shown as in the making for so many looks more: progress has to be seen. */
const LOOKS = 2;

export class RdsCloud {
  readonly #instances = new Map<string, Instance>();
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #work = new Set<Promise<unknown>>();
  readonly #failed: unknown[] = [];
  readonly #servers: CloudServer[] = [];
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
    this.#servers.push(server);
    await this.#has(id, { server, resourceId: resourceId(), busy: null });
    await this.client.send(new CreateDBInstanceCommand({
      DBInstanceIdentifier: id, DBInstanceClass: 'db.t3.medium', Engine: 'postgres', EngineVersion: '15.8', AllocatedStorage: 20, MasterUsername: 'postgres', MasterUserPassword: 'not-used-here', Port: this.port, ...more,
    }));
    return server;
  }

  /** Host and port of an instance's name, whoever has it. */
  address(id: string): { host: string; port: number } {
    return { host: this.#endpoints.get(id)!.host, port: this.port };
  }

  /** The server that has the name. */
  server(id: string): CloudServer | null {
    return this.#instances.get(id)?.server ?? null;
  }

  resourceIdOf(id: string): string {
    return this.#instances.get(id)!.resourceId;
  }

  /** What was asked for by an action, oldest first, through the test's proxy. */
  asked(action: string): URLSearchParams[] {
    return this.proxy.seen.filter((one) => one.action === action).map(({ parameters }) => parameters);
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#work);
    this.client.destroy();
    await Promise.all([...this.#endpoints.values()].map((endpoint) => endpoint.close()));
    await Promise.all([this.proxy.close(), this.clouded.close(), ...this.#servers.map((server) => server.stop())]);
    for (const { copy } of this.#snapshots.values()) if (copy !== null) await rm(dirname(copy), { recursive: true, force: true });
    if (this.#failed.length > 0) throw new AggregateError(this.#failed, 'the cloud for tests failed');
  }

  async #has(id: string, instance: Instance): Promise<void> {
    this.#instances.set(id, instance);
    if (this.#endpoints.has(id)) return;
    const host = `127.0.${this.#network}.${this.#endpoints.size + 1}`;
    this.#endpoints.set(id, await Endpoint.at(host, this.port, () => this.#instances.get(id)?.server?.port ?? null));
  }

  #later(work: () => Promise<void>): void {
    const running = work().catch((error: unknown) => void this.#failed.push(error)).finally(() => this.#work.delete(running));
    this.#work.add(running);
  }

  #answer(text: string, { action, parameters }: ProxiedRequest): string {
    if (!text.includes('<ErrorResponse')) this.#happen(action ?? '', parameters);
    return text
      .replace(/<DBInstance>[\s\S]*?<\/DBInstance>/g, (xml) => this.#instance(xml))
      .replace(/<DBSnapshot>[\s\S]*?<\/DBSnapshot>/g, (xml) => this.#snapshot(xml));
  }

  #happen(action: string, parameters: URLSearchParams): void {
    const id = parameters.get('DBInstanceIdentifier') ?? '';
    const snapshotId = parameters.get('DBSnapshotIdentifier') ?? '';
    const there = this.#instances.get(id);
    if (action === 'CreateDBSnapshot') {
      const snapshot: Snapshot = { copy: null, of: there!.server!, looked: 0 };
      this.#snapshots.set(snapshotId, snapshot);
      this.#later(async () => void (snapshot.copy = await physicalCopy(snapshot.of)));
    }
    if (action === 'RestoreDBInstanceFromDBSnapshot') {
      const made: Instance = { server: null, resourceId: resourceId(), busy: 'creating' };
      const { copy, of } = this.#snapshots.get(snapshotId)!;
      this.#later(async () => {
        await this.#has(id, made);
        made.server = await serverOn(copy!, of);
        this.#servers.push(made.server);
        made.busy = null;
      });
    }
    const newId = parameters.get('NewDBInstanceIdentifier');
    if (action === 'ModifyDBInstance' && newId !== null) {
      this.#instances.delete(id);
      this.#endpoints.get(id)?.cut();
      there!.busy = 'renaming';
      this.#later(async () => {
        await this.#has(newId, there!);
        there!.busy = null;
      });
    }
    if (action === 'DeleteDBInstance') {
      this.#instances.delete(id);
      this.#endpoints.get(id)?.cut();
    }
  }

  #instance(xml: string): string {
    const id = /<DBInstanceIdentifier>(.*?)</.exec(xml)?.[1] ?? '';
    const instance = this.#instances.get(id);
    if (!instance) return xml;
    const host = this.#endpoints.get(id)?.host ?? '127.0.0.1';
    return xml
      .replace(/<DbiResourceId>.*?</, `<DbiResourceId>${instance.resourceId}<`)
      .replace(/<Address>.*?</, `<Address>${host}<`)
      .replace(/<DBInstanceStatus>.*?</, `<DBInstanceStatus>${instance.busy ?? 'available'}<`);
  }

  #snapshot(xml: string): string {
    const snapshot = this.#snapshots.get(/<DBSnapshotIdentifier>(.*?)</.exec(xml)?.[1] ?? '');
    if (!snapshot) return xml;
    snapshot.looked += 1;
    const made = snapshot.copy !== null && snapshot.looked > LOOKS;
    return xml.replace(/<Status>.*?<\/Status>/, `<Status>${made ? 'available' : 'creating'}</Status><PercentProgress>${made ? 100 : Math.min(90, 30 * snapshot.looked)}</PercentProgress>`);
  }
}

const resourceId = () => `db-${randomBytes(13).toString('hex').toUpperCase()}`;
