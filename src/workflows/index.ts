/** Every workflow type that a worker runs; the names are those of contract/names.ts. */
export { databaseQueue } from './database-queue.js';
export { deliverAudit } from './deliver-audit.js';
export { guardedChange } from './guarded/change.js';
export { migrate } from './migrate.js';
export { restore } from './restore.js';
export { rollback } from './rollback.js';
export { rollbackTo } from './rollback-to.js';
export { backup, healthCheck, listBackups, migratePreview } from './unguarded.js';
