/**
 * The port to what the host calls a server (an RDS instance, an Aurora cluster): backups, restores and swaps by snapshot are written once,
 * over this. Methods throw what the SDK throws; `errors.ts` puts it into words.
 */
import type { BackupRecord } from '../../../contract/backup.js';
import type { Tags } from './tags.js';

export interface HostedServer {
  id: string;
  arn: string;
  /** Stays when it is renamed. */
  resourceId: string;
  /** In the words of RDS: `available`, `modifying`, … */
  status: string;
  endpoint: { host: string; port: number } | null;
  engine: string;
  engineVersion: string;
  encrypted: boolean;
  kmsKeyId: string | null;
  storageGib: number;
  deletionProtection: boolean;
  /** Changes that are asked for and not made yet, also those that wait for a window. */
  changing: boolean;
  /** The name that it is about to get. */
  renamingTo: string | null;
  /** Addresses in it that a rename does not give to another: of the instances of a cluster. */
  ownAddresses: readonly { host: string; port: number }[];
  /** Instances in it that are not available yet; of an instance none. */
  unready: readonly string[];
  tags: Tags;
}

export interface HostedSnapshot {
  id: string;
  arn: string;
  status: string;
  percent: number;
  /** false: the host's own automated one, which is never touched. */
  manual: boolean;
  sourceId: string;
  encrypted: boolean;
  kmsKeyId: string | null;
  storageGib: number;
  engine: string;
  engineVersion: string;
  takenAt: Date | null;
  tags: Tags;
}

export interface HostedServers<Server extends HostedServer = HostedServer> {
  readonly format: Exclude<BackupRecord['format'], 'pg_dump-custom'>;
  /** In the host's words, for messages and for the name of an IAM action. */
  readonly words: { server: string; snapshot: string };
  /** IAM actions, by what is done. */
  readonly actions: Readonly<Record<'createSnapshot' | 'describeSnapshots' | 'deleteSnapshot' | 'describe' | 'restore' | 'modify' | 'delete' | 'tag', string>>;

  region(): Promise<string>;
  /** ARN patterns, for the policy that is lacking. */
  serverArn(id: string): string;
  snapshotArn(id: string): string;

  find(id: string): Promise<Server | null>;
  /** All whose identifier begins so. */
  list(prefix: string): Promise<Server[]>;
  findSnapshot(id: string): Promise<HostedSnapshot | null>;
  /** Manual ones of the server. */
  snapshotsOf(id: string): Promise<HostedSnapshot[]>;
  createSnapshot(serverId: string, snapshotId: string, tags: Tags): Promise<void>;
  deleteSnapshot(snapshotId: string): Promise<void>;
  tag(arn: string, tags: Tags): Promise<void>;

  /** Why it cannot be replaced by a restored one, a sentence each. */
  obstacles(server: Server): Promise<string[]>;
  /** What is set on the restored one as it is on this, a line. */
  describeSettings(server: Server): string;
  /** What will not be as it was, a sentence each. */
  differences(server: Server): string[];

  /** Restores a snapshot to a new server, set up as `like` as far as the request allows it. */
  restore(snapshotId: string, newId: string, like: Server, tags: Tags): Promise<void>;
  /**
   * What can only be set once it is there. Idempotent: called again until it returns true, with waits for `available` in between.
   * @param serves it will be put in the place of `like`; else it is thrown away again
   */
  finish(made: Server, like: Server, serves: boolean): Promise<boolean>;
  /** Settings in which it is not as the original, `what: is instead of was`. */
  deviations(made: Server, like: Server): string[];

  rename(id: string, newId: string): Promise<void>;
  /** @param finalSnapshot null: none is taken */
  delete(server: Server, finalSnapshot: string | null): Promise<void>;
}
