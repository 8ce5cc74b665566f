/** A backup as its manifest describes it. */
import { z } from 'zod';
import { BackupLevel } from './settings.js';

export const TableCount = z.object({ schema: z.string(), table: z.string(), rows: z.number().int() });
export type TableCount = z.infer<typeof TableCount>;

/** The migration tool's ledger, as it was when the backup was taken. */
export const LedgerState = z.object({
  applied: z.number().int().describe('Migrations applied'),
  last: z.string().nullable().describe('The one applied last'),
  failed: z.array(z.string()).describe('Begun, and neither finished nor rolled back'),
});
export type LedgerState = z.infer<typeof LedgerState>;

export const ExtensionVersion = z.object({ name: z.string(), version: z.string(), schema: z.string(), schema_owner: z.string() });
export type ExtensionVersion = z.infer<typeof ExtensionVersion>;

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
  file: z.string().describe('Relative to the folder of the backup'),
  format: z.enum(['pg_dump-custom']),
  compression: z.enum(['zstd', 'gzip', 'none']),
  size_bytes: z.number().int(),
  sha256: z.string(),
  level: BackupLevel.describe('checked: read to the end, sha256 and exit codes; proven: restored, counts equal'),
  proven_at: z.string().nullable(),
  tables: z.array(TableCount).describe('Rows per table in the snapshot of the dump'),
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
  restore_commands: z.array(z.string()).describe('Shell commands that restore it without faber-db'),
});
export type BackupRecord = z.infer<typeof BackupRecord>;

/** The short form that crosses Temporal. */
export const BackupSummary = BackupRecord.pick({
  backup_id: true, environment: true, identity: true, created_at: true, size_bytes: true, sha256: true, level: true,
  store_id: true, label: true, reason: true, operation_id: true, duration_seconds: true,
  proven_at: true, ledger: true, incomplete_state: true, unusable: true,
}).extend({ tables: z.number().int(), rows: z.number().int() });
export type BackupSummary = z.infer<typeof BackupSummary>;
