/** Prisma's scripts and ledger on SQLite. */
import type { DatabaseHandler } from '../../../database/contract.js';
import { classify } from '../../script/sqlite/classify.js';
import { findObjects } from '../../script/sqlite/evidence.js';
import { makeSchema } from '../../script/sqlite/make-schema.js';
import { measureLosses } from '../../script/sqlite/measure-losses.js';
import type { PrismaRunner } from '../runner.js';
import { applyMigration } from './apply.js';
import { sqliteGeneration } from './generation.js';
import { readLedger } from './ledger.js';
import { revertMigration } from './revert.js';
import { ensureLedger, recordBaseline, resolveFailed } from './settle.js';

export const sqliteRunner = (database: DatabaseHandler): PrismaRunner => ({
  providers: ['sqlite'],
  generation: sqliteGeneration,
  classify: async (migration, before) => classify(migration, before),
  readLedger: (target) => readLedger(database, target),
  ensureLedger: (context) => ensureLedger(database, context),
  apply: (migration, context) => applyMigration(database, migration, context),
  revert: (migration, context) => revertMigration(database, migration, context),
  resolve: (migration, as, context) => resolveFailed(database, migration, as, context),
  baseline: (migrations, context) => recordBaseline(database, migrations, context),
  findObjects: (migration, target) => findObjects(database, migration, target),
  measureLosses: (migrations, target) => measureLosses(database, migrations, target),
  makeSchema: (migrations, scratch, settings, signal) => makeSchema(database, migrations, scratch, settings.migrations.timeout_seconds, signal),
});
