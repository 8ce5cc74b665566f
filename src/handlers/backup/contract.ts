/** The ports to backups and to the store that keeps them. Nothing here knows of Temporal. */
import type { BackupRecord, LedgerState } from '../../contract/backup.js';
import type { BackupLevel, Settings } from '../../contract/settings.js';
import type { ConnectionTarget, DatabaseHandler, OperationRow, RestoreReport, Session } from '../database/contract.js';
import type { Reference } from './store/references.js';
import type { StoredFile } from './store/removal.js';

export type { Reference, StoredFile };

/** Is given bytes and keeps none of them: their buffer is used again when it returns. */
export type Take = (piece: Uint8Array) => Promise<void>;
/** Gives bytes piece by piece, in order, until their end. */
export type Pieces = (take: Take) => Promise<void>;

/** A file of a backup as the store has it: what the manifest says of a dump. */
export type StoredFacts = Pick<BackupRecord, 'file' | 'size_bytes' | 'sha256' | 'encryption'>;

/** Content-addressed artifacts and backups, in one place that has an id written inside it. */
export interface Store {
  readonly id: string;
  /** Where it is, for messages. */
  readonly location: string;
  /** Writes bytes under their sha256 (hex), atomically; already there: only its age begins anew. */
  putArtifact(bytes: Uint8Array): Promise<string>;
  /** @throws FaberError store_unavailable when missing or its bytes do not match the sha256. */
  getArtifact(sha256: string): Promise<Uint8Array>;
  /** Keeps one line of the audit log for good; one whose record id is there already is not repeated. */
  appendAudit(record: { record_id: string }): Promise<void>;
  /** Keeps unmasked error text where only the worker's user or role reads it; returns the place to look at. */
  putErrorDetail(operationId: string, text: string): Promise<string>;

  /** Begins a backup; what an unfinished attempt left is removed. @throws FaberError backup_failed when a finished one has this id. */
  beginBackup(backupId: string): Promise<void>;
  /**
   * Writes one file of a backup that has begun, in constant memory. It is there as a whole and for good when this returns; nothing
   * of it is where `give` or the store failed.
   * @param name `dump.*`, or `*.json` for what lies beside a dump; encrypted, it gets a suffix
   * @param options expectedBytes: at most about so many will come; null where that is not known
   * @throws what `give` threw, unchanged; an error of the store
   */
  writeFile(backupId: string, name: string, options: { signal: AbortSignal; expectedBytes: number | null }, give: Pieces): Promise<StoredFacts>;
  /**
   * Reads a file of a backup to its end, in constant memory; of the dump, size and sha256 are compared with the manifest.
   * @throws FaberError store_unavailable when its key is not there, before anything is read; backup_unusable: missing or damaged; what `take` threw, unchanged; an error of the store; the signal's reason
   */
  readFile(record: BackupRecord, name: string, take: Take, signal: AbortSignal): Promise<void>;
  /** Shell commands for people without faber-db: first what checks the file, then one that writes it to stdout. */
  shell(backupId: string, file: string, sha256: string): { before: string[]; read: string };
  /** Whether a backup can be written and removed, as far as the store can tell. @throws FaberError store_unavailable with what is missing */
  preflight(): Promise<void>;
  /** Bytes that can still be written; null where that is not known. */
  freeBytes(): Promise<number | null>;
  /** Writes the manifest last and atomically: from then on the backup exists. */
  commitBackup(record: BackupRecord): Promise<void>;
  /** Replaces the manifest of an existing backup (level raised to proven). */
  updateBackup(record: BackupRecord): Promise<void>;
  /** Removes what an unfinished backup left. */
  abandonBackup(backupId: string): Promise<void>;
  /** @throws FaberError backup_not_found. */
  getBackup(backupId: string): Promise<BackupRecord>;
  /** Newest first; damaged manifests are left out and named in `damaged`. */
  listBackups(environment?: string): Promise<{ backups: BackupRecord[]; damaged: string[] }>;

  /** Notes what an operation needs until it ends, beside what is noted already: retention takes none of it meanwhile. */
  refer(reference: Reference): Promise<void>;
  references(): Promise<Reference[]>;
  /** The operation needs nothing any more. */
  forget(operationId: string): Promise<void>;
  /**
   * Removes a backup as a whole: no crash leaves a part of it that is listed.
   * @param isWanted asked once more when it cannot be found any more; then it is put back
   * @returns bytes freed; null when it stays, or was gone already
   */
  removeBackup(backupId: string, isWanted: () => Promise<boolean>): Promise<number | null>;
  artifacts(): Promise<StoredFile[]>;
  /** As removeBackup. */
  removeArtifact(sha256: string, isWanted: () => Promise<boolean>): Promise<number | null>;
  /** The unmasked error texts of these operations. */
  errorDetails(operationIds: readonly string[]): Promise<StoredFile[]>;
  removeErrorDetail(name: string): Promise<void>;
  /** What work that was cut off has left, untouched for so long. */
  leftovers(untouchedMs: number): Promise<{ path: string; bytes: number }[]>;
  removeLeftover(path: string): Promise<void>;
}

/** Opens the store of an environment. Creates an empty folder's store; @throws FaberError store_unavailable. */
export type OpenStore = (settings: Settings) => Promise<Store>;

export interface BackupOptions {
  settings: Settings;
  backupId: string;
  operationId: string | null;
  label: string | null;
  reason: string | null;
  ledgerDigest: string | null;
  /** Absent or null: there was none. */
  ledger?: LedgerState | null;
  /** Another operation that has begun to change the database and not ended. */
  incompleteState?: string | null;
  signal: AbortSignal;
  /** Bytes written so far. */
  onProgress?: (bytes: number) => void;
  /** Of a snapshot of the host: how much of it is done. */
  onPercent?: (percent: number, name: string) => void;
  /** What is waited for before it begins. */
  onWait?: (what: string) => void;
}

/** A database that a restore replaced. */
export interface ReplacedDatabase {
  name: string;
  size_bytes: number | null;
  /** The operation that replaced it; null where neither the serving database nor this one remembers. */
  operation: Pick<OperationRow, 'operation_id' | 'environment' | 'begun_at' | 'ended_at'> | null;
}

export interface Leftover {
  name: string;
  bytes: number;
  remove: () => Promise<void>;
}

export interface BackupHandler {
  /**
   * Whether a backup can be taken and restored: programs of the right major, free space, permissions.
   * @throws FaberError unsupported, backup_failed, store_unavailable, each saying what is missing.
   */
  preflight(target: ConnectionTarget, settings: Settings, store: Store): Promise<{ findings: string[] }>;

  /**
   * Dumps in constant memory; checked (exit codes of every process, sha256, compression test). Same id again:
   * a finished backup of this id is returned, the left-overs of an unfinished one are replaced.
   * @throws FaberError backup_failed.
   */
  create(target: ConnectionTarget, store: Store, options: BackupOptions): Promise<BackupRecord>;

  /** Reads it to the end and compares sha256 and size with the manifest. @throws FaberError backup_unusable. */
  check(store: Store, record: BackupRecord, signal: AbortSignal): Promise<void>;

  /**
   * Restores it into a scratch database beside the target, compares row counts with the manifest, drops the scratch
   * database, and raises the level to proven. @throws FaberError backup_unusable; backup_failed when it could not be tried (no
   * room, no right to create a database, cancelled).
   * @param operationId who proves it: two that prove one backup at once must not share a scratch database. Default: who made it
   */
  prove(
    target: ConnectionTarget,
    store: Store,
    record: BackupRecord,
    signal: AbortSignal,
    onProgress?: (what: string) => void,
    operationId?: string,
  ): Promise<BackupRecord>;

  /**
   * Restores beside the target and verifies; the target is not touched. Idempotent by `operationId`: the name of the
   * side database follows from it, left-overs are dropped first.
   * Carries over owner, ACL, connection limit, database and role settings, comments; runs ANALYZE.
   * @param adopt the backup is of another environment's database: all objects belong to the role of the target, without grants
   */
  restoreBeside(
    target: ConnectionTarget,
    store: Store,
    record: BackupRecord,
    operationId: string,
    signal: AbortSignal,
    onProgress?: (what: string) => void,
    adopt?: boolean,
  ): Promise<RestoreReport>;

  /**
   * Exchanges the side database with the target: no new connections, sessions ended, `guard` (throws: nothing is
   * exchanged), both renames in one transaction, connections allowed. The replaced database is kept under `kept_as` (null: there was none).
   * A crash in between is repaired by calling it again.
   * `guard` gets the only session that is left to the database being replaced, since none can be opened then; null when
   * that database is missing or lets nobody in. Bookkeeping moves along with a higher fence token: take the fence again.
   */
  swap(
    target: ConnectionTarget,
    operationId: string,
    guard: (replaced: Session | null) => Promise<void>,
    signal: AbortSignal,
  ): Promise<{ kept_as: string | null }>;

  /**
   * An empty database beside the target, with its owner, encoding and place, to be filled and then put in its place by `swap`.
   * Idempotent by `operationId`: left-overs are dropped first.
   * @returns null when the swap of this operation has happened already
   */
  createBeside(target: ConnectionTarget, operationId: string, signal: AbortSignal): Promise<ConnectionTarget | null>;

  /** After it was filled: ANALYZE, grants, settings and comment of the target. @returns what could not be carried over, in words */
  finishBeside(target: ConnectionTarget, operationId: string, signal: AbortSignal): Promise<string[]>;

  /** Reasons why the target cannot be replaced by such a database; as restoreObstacles, without a backup. */
  replaceObstacles(target: ConnectionTarget): Promise<string[]>;

  /** The name under which the swap of this operation has kept the replaced database; null: there was no such swap, or nothing to replace. */
  keptBy(target: ConnectionTarget, operationId: string): Promise<string | null>;

  /** Drops the side or scratch databases that the operation left, if any. */
  cleanUp(target: ConnectionTarget, operationId: string): Promise<void>;

  /** Databases that restores of this target replaced and kept, as far as they can be told to be such. */
  replacedDatabases(target: ConnectionTarget): Promise<ReplacedDatabase[]>;

  /**
   * Drops one of them. Never the target itself, and never one that somebody is connected to.
   * @returns null when it is gone, or why it stays
   */
  dropReplaced(target: ConnectionTarget, name: string): Promise<string | null>;

  /** Deletes what of it lies outside of the store, after its manifest has gone. Absent: nothing does. Idempotent. */
  discard?(record: BackupRecord): Promise<void>;

  /**
   * The same of a backup that was not finished, whose attempt has ended. What cannot be deleted yet is a left-over.
   * Absent: nothing lies outside of the store.
   */
  abandon?(store: Store, backupId: string, operationId: string): Promise<void>;

  /** What lies outside of the store, paid for and of no use: no manifest speaks of it, made so long ago, or its operation has ended. Absent: nothing does. */
  leftovers?(target: ConnectionTarget, store: Store, untouchedMs: number): Promise<Leftover[]>;

  /** Reasons why a restore into this target is refused (slots, subscriptions, prepared transactions, permissions, space). */
  restoreObstacles(target: ConnectionTarget, record: BackupRecord): Promise<string[]>;

  /** What a restore would bring back otherwise than it was dumped, in words (versions of extensions). */
  restoreDifferences(target: ConnectionTarget, record: BackupRecord): Promise<string[]>;
}

/** The level a backup gets by the settings and the size of the database. */
export function levelFor(settings: Settings, sizeBytes: number | null): BackupLevel {
  if (settings.backup.verify === 'checked') return 'checked';
  return sizeBytes !== null && sizeBytes <= settings.backup.max_database_size ? 'proven' : 'checked';
}

/** What decides which backups there are. */
export type BackupKind = Pick<Settings, 'provider' | 'hosting' | 'aws'> & { backup: Pick<Settings['backup'], 'method'> };

/** The backup handler for an environment's database system, host and method. @throws FaberError unsupported. */
export type BackupHandlers = (kind: BackupKind, database: DatabaseHandler) => Promise<BackupHandler>;
