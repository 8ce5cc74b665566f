/** Every workflow type that a worker runs; the names are those of contract/names.ts. */
export { cleanUpBackups } from './clean-up-backups.js';
export { databaseQueue } from './database-queue.js';
export { deliverAudit } from './deliver-audit.js';
export { deliverWork } from './deliver-work.js';
export { generateMigration } from './generate-migration.js';
export { guardedChange } from './guarded/change.js';
export { healthCheck } from './health-check.js';
export { initializeDatabase } from './initialize-database.js';
export { migrate } from './migrate.js';
export { notify } from './notify.js';
export { restore } from './restore.js';
export { reset } from './reset.js';
export { rollback } from './rollback.js';
export { rollbackTo } from './rollback-to.js';
export { seed } from './seed.js';
export { verifyBackup } from './verify-backup.js';
export { status } from './status.js';
export { backup, listBackups, migratePreview, readSchedules } from './unguarded.js';
