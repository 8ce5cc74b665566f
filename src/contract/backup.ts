/** A backup as its manifest describes it. */
import { z } from 'zod';
import { BackupLevel } from './settings.js';

export const TableCount = z.object({ schema: z.string(), table: z.string(), rows: z.number().int() });
export type TableCount = z.infer<typeof TableCount>;

/** A table as people name it. Where a database is one schema (MySQL, SQLite) there is no other name. */
export const tableName = ({ schema, table }: Pick<TableCount, 'schema' | 'table'>): string => (schema === '' ? table : `${schema}.${table}`);

/** The migration tool's ledger, as it was when the backup was taken. */
export const LedgerState = z.object({
  applied: z.number().int().describe('Migrations applied'),
  last: z.string().nullable().describe('The one applied last'),
  failed: z.array(z.string()).describe('Begun, and neither finished nor rolled back'),
});
export type LedgerState = z.infer<typeof LedgerState>;

export const ExtensionVersion = z.object({ name: z.string(), version: z.string(), schema: z.string(), schema_owner: z.string() });
export type ExtensionVersion = z.infer<typeof ExtensionVersion>;

/** A snapshot at the host: which, of what, and how its server was set up. */
export const HostedSnapshotFacts = z.object({
  snapshot_id: z.string(),
  arn: z.string(),
  region: z.string(),
  source_id: z.string().describe('Instance or cluster that it was taken of'),
  source_resource_id: z.string().describe('The same for good: it stays when the source is renamed'),
  engine: z.string(),
  engine_version: z.string(),
  encrypted: z.boolean(),
  kms_key_id: z.string().nullable(),
  storage_gib: z.number(),
  taken_at: z.string().describe('As the host says'),
});
export type HostedSnapshotFacts = z.infer<typeof HostedSnapshotFacts>;

/** How the files of a backup are encrypted. */
export const BackupEncryption = z.object({
  format: z.literal('age'),
  recipient: z.string().describe('Public half of the key that opens it; reveals nothing of the key'),
  key_env: z.string().describe('Name of the variable that held the key on the worker'),
});
export type BackupEncryption = z.infer<typeof BackupEncryption>;

/** The manifest, written last and atomically: a backup without one does not exist. */
export const BackupRecord = z.object({
  manifest_version: z.literal(1),
  backup_id: z.string(),
  environment: z.string(),
  identity: z.string().describe('Identity of the database that was dumped'),
  database: z.string(),
  provider: z.string(),
  server_version: z.string(),
  created_at: z.string(),
  store_id: z.string(),
  file: z.string().describe('Relative to the folder of the backup; of a snapshot: its identifier at the host'),
  format: z.enum(['pg_dump-custom', 'mysql-dump', 'sqlite-file', 'rds-snapshot', 'aurora-snapshot']),
  compression: z.enum(['zstd', 'gzip', 'none']),
  size_bytes: z.number().int(),
  sha256: z.string().describe('Of the file; of a snapshot: of the facts about it that its tags hold too'),
  encryption: BackupEncryption.optional().describe('Absent where the files are not encrypted'),
  level: BackupLevel.describe('checked: read to the end, sha256 and exit codes, of a snapshot: available, encrypted as its source, tags as here; proven: restored, counts equal, of a snapshot: restored and counted'),
  proven_at: z.string().nullable(),
  tables: z.array(TableCount).nullable().describe('Rows per table in the snapshot of the dump; of a snapshot of the host: as counted when it was proven, null before'),
  extensions: z.array(z.string()).optional().describe('Extensions that a restore has to create'),
  extension_versions: z.array(ExtensionVersion).optional().describe('Their versions and schemas, in the order in which they were created; absent in older backups'),
  structure_sha256: z.string().optional().describe('Of the file beside the dump that lists every object; absent in older backups'),
  ledger_digest: z.string().nullable(),
  ledger: LedgerState.optional().describe('Absent where there was none'),
  incomplete_state: z.string().optional().describe('The operation that had begun to change the database and not ended when this backup was taken'),
  unusable: z.object({ found_at: z.string(), reason: z.string() }).optional().describe('Restoring it was tried and failed: it does not count as a good one'),
  snapshot: z.object({ position: z.string().describe('As the database system counts its writes'), lsn: z.string().nullable() }).describe('Where the snapshot stood; used to tell whether anything was written since'),
  label: z.string().nullable(),
  reason: z.string().nullable(),
  operation_id: z.string().nullable(),
  duration_seconds: z.number(),
  hosted: HostedSnapshotFacts.optional().describe('Of a snapshot of the host'),
  restore_commands: z.array(z.string()).describe('Shell commands that restore it without faber-db'),
});
export type BackupRecord = z.infer<typeof BackupRecord>;

/** How much was counted in it; null: nothing was. */
export function countedIn({ tables }: Pick<BackupRecord, 'tables'>): { tables: number; rows: number } | null {
  return tables === null ? null : { tables: tables.length, rows: tables.reduce((sum, table) => sum + table.rows, 0) };
}

/** The same in words. */
export function countedWords(counted: { tables: number | null; rows: number | null } | null): string {
  return counted === null || counted.tables === null ? 'rows not counted' : `${counted.tables} tables, ${counted.rows} rows`;
}

/** The short form that crosses Temporal. */
export const BackupSummary = BackupRecord.pick({
  backup_id: true, environment: true, identity: true, created_at: true, size_bytes: true, sha256: true, level: true,
  store_id: true, label: true, reason: true, operation_id: true, duration_seconds: true,
  proven_at: true, encryption: true, ledger: true, incomplete_state: true, unusable: true,
}).extend({
  tables: z.number().int().nullable().describe('null: not counted, a snapshot of the host that was not proven'),
  rows: z.number().int().nullable().describe('null: as tables'),
});
export type BackupSummary = z.infer<typeof BackupSummary>;
