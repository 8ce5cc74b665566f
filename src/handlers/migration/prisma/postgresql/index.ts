/** Prisma's scripts and ledger on PostgreSQL. */
import type { DatabaseHandler } from '../../../database/contract.js';
import { classify } from '../../script/postgresql/classify.js';
import type { PrismaRunner } from '../runner.js';
import { applyMigration } from './apply.js';
import { ensureLedger } from './ensure-ledger.js';
import { findObjects } from '../../script/postgresql/evidence.js';
import { postgresGeneration } from './generation.js';
import { readLedger } from './ledger.js';
import { makeSchema } from '../../script/postgresql/make-schema.js';
import { measureLosses } from '../../script/postgresql/measure-losses.js';
import { revertMigration } from './revert.js';
import { recordBaseline, resolveFailed } from './settle.js';

export const postgresRunner = (database: DatabaseHandler): PrismaRunner => ({
  providers: ['postgresql', 'postgres'],
  generation: postgresGeneration,
  classify,
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
