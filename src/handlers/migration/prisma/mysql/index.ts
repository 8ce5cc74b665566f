/** Prisma's scripts and ledger on MySQL and MariaDB. */
import type { DatabaseHandler } from '../../../database/contract.js';
import { classify } from '../../script/mysql/classify.js';
import { findObjects } from '../../script/mysql/evidence.js';
import { measureLosses } from '../../script/mysql/losses.js';
import { makeSchema } from '../../script/mysql/make-schema.js';
import type { PrismaRunner } from '../runner.js';
import { applyMigration } from './apply.js';
import { ensureLedger, readLedger } from './ledger.js';
import { revertMigration } from './revert.js';
import { recordBaseline, resolveFailed } from './settle.js';

export const mysqlRunner = (database: DatabaseHandler): PrismaRunner => ({
  providers: ['mysql'],
  classify: async (migration) => classify(migration),
  readLedger: (target) => readLedger(database, target),
  ensureLedger,
  apply: (migration, context) => applyMigration(database, migration, context),
  revert: (migration, context) => revertMigration(database, migration, context),
  resolve: resolveFailed,
  baseline: recordBaseline,
  findObjects: (migration, target) => findObjects(database, migration, target),
  measureLosses: (migrations, target) => measureLosses(database, migrations, target),
  makeSchema: (migrations, scratch, _settings, signal) => makeSchema(database, migrations, scratch, signal),
});
