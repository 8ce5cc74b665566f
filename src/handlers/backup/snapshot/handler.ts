/** Backups by snapshots of the host, restored to a server beside and exchanged by renaming. */
import type { BackupRecord } from '../../../contract/backup.js';
import type { Settings } from '../../../contract/settings.js';
import type { ConnectionTarget, RestoreReport, Session } from '../../database/contract.js';
import type { BackupHandler, BackupOptions, Leftover, ReplacedDatabase, Store } from '../contract.js';
import { checkSnapshot } from './check.js';
import { cleanUpServers } from './clean-up.js';
import type { SnapshotContext } from './context.js';
import { createSnapshot } from './create.js';
import type { HostedServer } from './hosted.js';
import { snapshotDifferences, snapshotObstacles, snapshotPreflight } from './obstacles.js';
import { proveSnapshot } from './prove.js';
import { dropReplacedServer, replacedServers } from './replaced.js';
import { restoreSnapshot } from './restore.js';
import { abandonSnapshot, discardSnapshot, leftoverServers, leftoverSnapshots } from './retention.js';
import { looksReplaced } from './names.js';
import { namesOf, statesOf, swapServers } from './swap.js';

/**
 * What is made beside the database on its own server (`reset`, older dumps) is the dump handler's: a record's format tells whose it is, and
 * an exchange is of servers where the operation has restored one.
 */
export class SnapshotBackupHandler<S extends HostedServer> implements BackupHandler {
  constructor(private readonly context: SnapshotContext<S>, private readonly dumps: BackupHandler) {}

  preflight(target: ConnectionTarget, settings: Settings): Promise<{ findings: string[] }> {
    return snapshotPreflight(this.context, target, settings);
  }

  create(target: ConnectionTarget, store: Store, options: BackupOptions): Promise<BackupRecord> {
    return createSnapshot(this.context, target, store, options);
  }

  async check(store: Store, record: BackupRecord, signal: AbortSignal): Promise<void> {
    await (isDump(record) ? this.dumps.check(store, record, signal) : checkSnapshot(this.context, record, signal));
  }

  prove(target: ConnectionTarget, store: Store, record: BackupRecord, signal: AbortSignal, onProgress?: (what: string) => void, operationId?: string): Promise<BackupRecord> {
    if (isDump(record)) return this.dumps.prove(target, store, record, signal, onProgress, operationId);
    return proveSnapshot(this.context, target, store, record, { signal, onProgress, operationId });
  }

  restoreBeside(
    target: ConnectionTarget, store: Store, record: BackupRecord, operationId: string, signal: AbortSignal, onProgress?: (what: string) => void, adopt?: boolean,
  ): Promise<RestoreReport> {
    if (isDump(record)) return this.dumps.restoreBeside(target, store, record, operationId, signal, onProgress, adopt);
    return restoreSnapshot(this.context, target, record, operationId, signal, onProgress);
  }

  async swap(target: ConnectionTarget, operationId: string, guard: (replaced: Session | null) => Promise<void>, signal: AbortSignal): Promise<{ kept_as: string | null }> {
    const { side, kept } = await this.#states(operationId, signal);
    return side === null && kept === null ? this.dumps.swap(target, operationId, guard, signal) : swapServers(this.context, target, { operationId, guard, signal });
  }

  createBeside(target: ConnectionTarget, operationId: string, signal: AbortSignal): Promise<ConnectionTarget | null> {
    return this.dumps.createBeside(target, operationId, signal);
  }

  finishBeside(target: ConnectionTarget, operationId: string, signal: AbortSignal): Promise<string[]> {
    return this.dumps.finishBeside(target, operationId, signal);
  }

  replaceObstacles(target: ConnectionTarget): Promise<string[]> {
    return this.dumps.replaceObstacles(target);
  }

  async keptBy(target: ConnectionTarget, operationId: string): Promise<string | null> {
    return (await this.#states(operationId, new AbortController().signal)).kept?.id ?? this.dumps.keptBy(target, operationId);
  }

  async cleanUp(target: ConnectionTarget, operationId: string): Promise<void> {
    await cleanUpServers(this.context, target, operationId);
    await this.dumps.cleanUp(target, operationId);
  }

  async replacedDatabases(target: ConnectionTarget): Promise<ReplacedDatabase[]> {
    return [...(await replacedServers(this.context, target)), ...(await this.dumps.replacedDatabases(target))];
  }

  async dropReplaced(target: ConnectionTarget, name: string): Promise<string | null> {
    return looksReplaced(await this.context.id(), name) ? dropReplacedServer(this.context, target, name) : this.dumps.dropReplaced(target, name);
  }

  async restoreDifferences(target: ConnectionTarget, record: BackupRecord): Promise<string[]> {
    return isDump(record) ? this.dumps.restoreDifferences(target, record) : snapshotDifferences(this.context, record);
  }

  async restoreObstacles(target: ConnectionTarget, record: BackupRecord): Promise<string[]> {
    if (isDump(record)) return this.dumps.restoreObstacles(target, record);
    // Slots, subscriptions and prepared transactions stay behind with a renamed server as they do with a renamed database.
    return [...(await snapshotObstacles(this.context, target, record)), ...(await this.dumps.replaceObstacles(target))];
  }

  async discard(record: BackupRecord): Promise<void> {
    if (!isDump(record)) await discardSnapshot(this.context, record);
  }

  async abandon(store: Store, backupId: string, operationId: string): Promise<void> {
    await abandonSnapshot(this.context, store, backupId, operationId);
  }

  async leftovers(target: ConnectionTarget, store: Store, untouchedMs: number): Promise<Leftover[]> {
    return [...(await leftoverSnapshots(this.context, store, untouchedMs)), ...(await leftoverServers(this.context, target))];
  }

  async #states(operationId: string, signal: AbortSignal) {
    return statesOf(this.context, namesOf(await this.context.id(), operationId), operationId, signal);
  }
}

const isDump = ({ format }: BackupRecord): boolean => format === 'pg_dump-custom';
