/** What retention would do, or did: nothing is removed without its reason being told, and nothing is kept without one. */
import { z } from 'zod';
import { BackupSummary } from './backup.js';

/** One thing that retention looked at. */
export const Retained = z.object({
  kind: z.enum(['backup', 'database']).describe('database: one that a restore replaced and kept'),
  id: z.string().describe('Id of the backup, or name of the database'),
  remove: z.boolean(),
  reason: z.string().describe('Why it goes, or why it stays'),
  removed_after: z.string().nullable().describe('When its age alone would let it go, ISO 8601; null: never by itself'),
  size_bytes: z.number().nullable(),
});
export type Retained = z.infer<typeof Retained>;

/** `result` of cleanup-backups. */
export const CleanupResult = z.object({
  applied: z.boolean().describe('false: only shown; nothing was removed'),
  retention_days: z.number().int(),
  removed: z.array(Retained).describe('What went, or would go'),
  kept: z.array(Retained),
  failed: z.array(z.object({ id: z.string(), reason: z.string() })).describe('What should have gone and could not be removed'),
  plan_artifacts: z.number().int().describe('Bytes of plans that no operation needs any more: how many files'),
  error_details: z.number().int().describe('Files with unmasked error text, as old'),
  unfinished: z.number().int().describe('Left-overs of work that was cut off'),
  freed_bytes: z.number().describe('In the store'),
});
export type CleanupResult = z.infer<typeof CleanupResult>;

/** `result` of backup. */
export const BackupResult = BackupSummary.extend({
  cleanup: z
    .union([z.object({ removed: z.array(z.string()).describe('Ids and names of what retention took'), freed_bytes: z.number() }), z.object({ error: z.string() })])
    .optional()
    .describe('The clean-up after it, where backup.auto_cleanup is on; one that failed is no failure of the backup'),
});
export type BackupResult = z.infer<typeof BackupResult>;

/** `result` of verify-backup. */
export const VerifyResult = BackupSummary.extend({ verify_seconds: z.number().describe('How long reading and restoring it took') });
export type VerifyResult = z.infer<typeof VerifyResult>;

/** A database that a restore replaced, beside the one that serves. */
export const KeptDatabase = z.object({
  name: z.string(),
  environment: z.string().nullable(),
  operation_id: z.string().nullable().describe('The restore that replaced it; null where nothing tells'),
  replaced_at: z.string().nullable(),
  size_bytes: z.number().nullable(),
  removed_after: z.string().nullable(),
  retention: z.string().describe('Why retention takes it, or keeps it'),
});
export type KeptDatabase = z.infer<typeof KeptDatabase>;

export const ListedBackup = BackupSummary.extend({
  removed_after: z.string().nullable().describe('When its age alone would let it go; null: never by itself'),
  retention: z.string().describe('Why retention takes it at its next run, or keeps it'),
});
export type ListedBackup = z.infer<typeof ListedBackup>;

/** `result` of list-backups. */
export const ListBackupsResult = z.object({
  backups: z.array(ListedBackup).describe('Newest first, at most 200'),
  total: z.number().int(),
  damaged: z.array(z.string()).describe('Ids of backups that cannot be restored: manifest or dump is missing or broken'),
  store: z.string(),
  kept_databases: z.array(KeptDatabase).describe('Databases that restores replaced and kept'),
  not_read: z.array(z.object({ environment: z.string(), reason: z.string() })).describe('Environments whose kept databases could not be looked for'),
});
export type ListBackupsResult = z.infer<typeof ListBackupsResult>;
