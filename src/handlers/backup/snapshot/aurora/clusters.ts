/** Aurora clusters as servers that are backed up by snapshots. */
import {
  AddRoleToDBClusterCommand, AddTagsToResourceCommand, CreateDBClusterSnapshotCommand, CreateDBInstanceCommand, DeleteDBClusterCommand, DeleteDBClusterSnapshotCommand, DeleteDBInstanceCommand,
  DescribeDBClustersCommand, DescribeDBClusterSnapshotsCommand, ModifyDBClusterCommand, paginateDescribeDBClusters, paginateDescribeDBClusterSnapshots, paginateDescribeDBInstances,
  RestoreDBClusterFromSnapshotCommand, type DBCluster, type DBClusterSnapshot, type DBInstance, type RDSClient,
} from '@aws-sdk/client-rds';
import { isBusy, isMissing, isTaken } from '../errors.js';
import type { HostedServer, HostedServers, HostedSnapshot } from '../hosted.js';
import { memberName } from '../names.js';
import { blueGreen, proxies } from '../rds/obstacles.js';
import { describe, deviations, toModify, toRestore } from '../settings-table.js';
import { tagList, tagsOf, type Tags } from '../tags.js';
import { ofCluster } from './obstacles.js';
import { CLUSTER_SETTINGS, MEMBER_SETTINGS, SERVING_CLUSTER_SETTINGS } from './settings.js';

export interface AuroraCluster extends HostedServer {
  raw: DBCluster;
  /** The writer first, as it is restored first and so becomes the writer. */
  members: DBInstance[];
}

const ALL = [...CLUSTER_SETTINGS, ...SERVING_CLUSTER_SETTINGS];

export class AuroraClusters implements HostedServers<AuroraCluster> {
  readonly format = 'aurora-snapshot';
  readonly words = { server: 'Aurora cluster', snapshot: 'Aurora cluster snapshot' };
  readonly actions = {
    createSnapshot: 'rds:CreateDBClusterSnapshot', describeSnapshots: 'rds:DescribeDBClusterSnapshots', deleteSnapshot: 'rds:DeleteDBClusterSnapshot', describe: 'rds:DescribeDBClusters',
    restore: 'rds:RestoreDBClusterFromSnapshot', modify: 'rds:ModifyDBCluster', delete: 'rds:DeleteDBCluster', tag: 'rds:AddTagsToResource',
  };

  constructor(private readonly client: RDSClient) {}

  region(): Promise<string> {
    return this.client.config.region();
  }
  serverArn(id: string): string {
    return `arn:aws:rds:*:*:cluster:${id}`;
  }
  snapshotArn(id: string): string {
    return `arn:aws:rds:*:*:cluster-snapshot:${id}`;
  }

  async find(id: string): Promise<AuroraCluster | null> {
    try {
      const { DBClusters } = await this.client.send(new DescribeDBClustersCommand({ DBClusterIdentifier: id }));
      return DBClusters?.[0] ? clusterOf(DBClusters[0], await this.#members(DBClusters[0])) : null;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async list(prefix: string): Promise<AuroraCluster[]> {
    const found: AuroraCluster[] = [];
    for await (const { DBClusters } of paginateDescribeDBClusters({ client: this.client }, {})) {
      for (const one of DBClusters ?? []) if (one.DBClusterIdentifier?.startsWith(prefix)) found.push(clusterOf(one, await this.#members(one)));
    }
    return found;
  }

  async findSnapshot(id: string): Promise<HostedSnapshot | null> {
    try {
      const { DBClusterSnapshots } = await this.client.send(new DescribeDBClusterSnapshotsCommand({ DBClusterSnapshotIdentifier: id }));
      return DBClusterSnapshots?.[0] ? snapshotOf(DBClusterSnapshots[0]) : null;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async snapshotsOf(id: string): Promise<HostedSnapshot[]> {
    const found: HostedSnapshot[] = [];
    for await (const { DBClusterSnapshots } of paginateDescribeDBClusterSnapshots({ client: this.client }, { DBClusterIdentifier: id, SnapshotType: 'manual' })) found.push(...(DBClusterSnapshots ?? []).map(snapshotOf));
    return found;
  }

  async createSnapshot(serverId: string, snapshotId: string, tags: Tags): Promise<void> {
    await this.client.send(new CreateDBClusterSnapshotCommand({ DBClusterIdentifier: serverId, DBClusterSnapshotIdentifier: snapshotId, Tags: tagList(tags) }));
  }

  async deleteSnapshot(snapshotId: string): Promise<void> {
    await this.client.send(new DeleteDBClusterSnapshotCommand({ DBClusterSnapshotIdentifier: snapshotId }));
  }

  async tag(arn: string, tags: Tags): Promise<void> {
    await this.client.send(new AddTagsToResourceCommand({ ResourceName: arn, Tags: tagList(tags) }));
  }

  async obstacles({ raw, members, arn, id }: AuroraCluster): Promise<string[]> {
    const names = new Set(members.map((member) => member.DBInstanceIdentifier));
    const isIts = (target: { RdsResourceId?: string; TrackedClusterId?: string }) => target.TrackedClusterId === id || target.RdsResourceId === id || names.has(target.RdsResourceId);
    return [...ofCluster(raw, members), ...(await proxies(this.client, isIts)), ...(await blueGreen(this.client, arn))];
  }

  describeSettings({ raw, members }: AuroraCluster): string {
    const instances = members.map((member) => `instance ${member.DBInstanceIdentifier ?? ''} (${describe(MEMBER_SETTINGS, member)})`);
    return [describe(ALL, raw), ...instances, ...(raw.AssociatedRoles?.length ? [`roles ${rolesOf(raw).join(' ')}`] : [])].join(', ');
  }

  differences({ id, resourceId, members }: AuroraCluster): string[] {
    return [
      `The resource id ${resourceId} becomes another one: IAM policies for IAM authentication (rds-db:connect) that name it must be changed`,
      `The endpoints of the cluster ${id} (writer and reader) keep their names; its instances get new ones: ${members.map((member) => `${member.DBInstanceIdentifier ?? ''} → ${memberName(member.DBInstanceIdentifier ?? '', '').replace(/[0-9a-f]{10}$/, '…')}`).join(', ')}`,
    ];
  }

  async restore(snapshotId: string, newId: string, { raw }: AuroraCluster, tags: Tags): Promise<void> {
    const settings = toRestore(CLUSTER_SETTINGS, raw);
    await this.client.send(new RestoreDBClusterFromSnapshotCommand({
      ...settings, Engine: raw.Engine, DBClusterIdentifier: newId, SnapshotIdentifier: snapshotId, DeletionProtection: false, Tags: tagList({ ...tagsOf(raw.TagList), ...tags }),
    }));
  }

  async finish(made: AuroraCluster, like: AuroraCluster, serves: boolean): Promise<boolean> {
    // One is enough to read everything; the first becomes the writer.
    const wanted = serves ? like.members : like.members.slice(0, 1);
    const has = new Set(made.members.map((member) => member.DBInstanceIdentifier));
    const missing = wanted.filter((member) => !has.has(memberName(member.DBInstanceIdentifier ?? '', made.id)));
    if (missing.length > 0) {
      for (const member of made.members.length === 0 ? missing.slice(0, 1) : missing) await this.#createMember(made, member);
      return false;
    }
    const changes = toModify(serves ? ALL : CLUSTER_SETTINGS, made.raw, like.raw);
    if (changes !== null) {
      await this.client.send(new ModifyDBClusterCommand({ ...changes, DBClusterIdentifier: made.id, ApplyImmediately: true }));
      return false;
    }
    const assigned = new Set(rolesOf(made.raw));
    const roles = serves ? (like.raw.AssociatedRoles ?? []).filter((role) => !assigned.has(roleOf(role))) : [];
    for (const { RoleArn, FeatureName } of roles) await this.client.send(new AddRoleToDBClusterCommand({ DBClusterIdentifier: made.id, RoleArn, FeatureName }));
    return roles.length === 0;
  }

  deviations(made: AuroraCluster, like: AuroraCluster): string[] {
    const byName = new Map(made.members.map((member) => [member.DBInstanceIdentifier, member]));
    const ofMembers = like.members.flatMap((member) => {
      const name = memberName(member.DBInstanceIdentifier ?? '', made.id);
      const other = byName.get(name);
      return other === undefined ? [`there is no instance ${name}`] : deviations(MEMBER_SETTINGS, other, member).map((one) => `${name}: ${one}`);
    });
    return [...deviations(CLUSTER_SETTINGS, made.raw, like.raw), ...ofMembers];
  }

  async rename(id: string, newId: string): Promise<void> {
    await this.client.send(new ModifyDBClusterCommand({ DBClusterIdentifier: id, NewDBClusterIdentifier: newId, ApplyImmediately: true }));
  }

  async delete({ id, deletionProtection, members }: AuroraCluster, finalSnapshot: string | null): Promise<void> {
    if (deletionProtection) await this.client.send(new ModifyDBClusterCommand({ DBClusterIdentifier: id, DeletionProtection: false, ApplyImmediately: true }));
    // Its instances hold no data of their own. The cluster takes its final snapshot before it goes.
    for (const { DBInstanceIdentifier } of members) await this.client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true })).catch(unlessOnItsWay);
    await this.client.send(new DeleteDBClusterCommand({
      DBClusterIdentifier: id, DeleteAutomatedBackups: false, ...(finalSnapshot === null ? { SkipFinalSnapshot: true } : { SkipFinalSnapshot: false, FinalDBSnapshotIdentifier: finalSnapshot }),
    }));
  }

  async #createMember(made: AuroraCluster, like: DBInstance): Promise<void> {
    const settings = toRestore(MEMBER_SETTINGS, like);
    await this.client.send(new CreateDBInstanceCommand({
      ...settings, DBInstanceClass: like.DBInstanceClass, Engine: like.Engine, DBInstanceIdentifier: memberName(like.DBInstanceIdentifier ?? '', made.id), DBClusterIdentifier: made.id,
      Tags: tagList({ ...tagsOf(like.TagList), ...made.tags }),
    })).catch((error: unknown) => {
      // By a request before whose answer was lost.
      if (!isTaken(error)) throw error;
    });
  }

  async #members({ DBClusterIdentifier: id, DBClusterMembers }: DBCluster): Promise<DBInstance[]> {
    const writer = DBClusterMembers?.find((member) => member.IsClusterWriter)?.DBInstanceIdentifier;
    const found: DBInstance[] = [];
    for await (const { DBInstances } of paginateDescribeDBInstances({ client: this.client }, { Filters: [{ Name: 'db-cluster-id', Values: [id ?? ''] }] })) found.push(...(DBInstances ?? []));
    return found.sort((a, b) => Number(b.DBInstanceIdentifier === writer) - Number(a.DBInstanceIdentifier === writer) || (a.DBInstanceIdentifier ?? '').localeCompare(b.DBInstanceIdentifier ?? ''));
  }
}

function unlessOnItsWay(error: unknown): void {
  if (!isBusy(error) && !isMissing(error)) throw error;
}

const roleOf = ({ RoleArn, FeatureName }: { RoleArn?: string; FeatureName?: string }) => `${RoleArn ?? ''} for ${FeatureName ?? ''}`;
const rolesOf = (raw: DBCluster) => (raw.AssociatedRoles ?? []).map(roleOf);

function clusterOf(raw: DBCluster, members: DBInstance[]): AuroraCluster {
  return {
    id: raw.DBClusterIdentifier ?? '', arn: raw.DBClusterArn ?? '', resourceId: raw.DbClusterResourceId ?? '', status: raw.Status ?? 'unknown',
    endpoint: raw.Endpoint !== undefined && raw.Port !== undefined ? { host: raw.Endpoint, port: raw.Port } : null,
    engine: raw.Engine ?? '', engineVersion: raw.EngineVersion ?? '', encrypted: raw.StorageEncrypted ?? false, kmsKeyId: raw.KmsKeyId ?? null, storageGib: raw.AllocatedStorage ?? 0,
    deletionProtection: raw.DeletionProtection ?? false, changing: Object.values(raw.PendingModifiedValues ?? {}).some((value) => value !== undefined),
    renamingTo: raw.PendingModifiedValues?.DBClusterIdentifier ?? null, ownAddresses: members.flatMap(({ Endpoint }) => (Endpoint?.Address && Endpoint.Port ? [{ host: Endpoint.Address, port: Endpoint.Port }] : [])),
    unready: members.filter((member) => member.DBInstanceStatus !== 'available').map((member) => `${member.DBInstanceIdentifier ?? ''} ${member.DBInstanceStatus ?? 'unknown'}`),
    tags: tagsOf(raw.TagList), raw, members,
  };
}

function snapshotOf(raw: DBClusterSnapshot): HostedSnapshot {
  return {
    id: raw.DBClusterSnapshotIdentifier ?? '', arn: raw.DBClusterSnapshotArn ?? '', status: raw.Status ?? 'unknown', percent: raw.PercentProgress ?? 0, manual: raw.SnapshotType === 'manual', sourceId: raw.DBClusterIdentifier ?? '',
    encrypted: raw.StorageEncrypted ?? false, kmsKeyId: raw.KmsKeyId ?? null, storageGib: raw.AllocatedStorage ?? 0, engine: raw.Engine ?? '', engineVersion: raw.EngineVersion ?? '',
    takenAt: raw.SnapshotCreateTime ?? null, tags: tagsOf(raw.TagList),
  };
}
