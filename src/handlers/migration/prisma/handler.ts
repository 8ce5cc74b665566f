/** Prisma Migrate on PostgreSQL: its projects, its ledger, without its CLI. */
import type { Settings } from '../../../contract/settings.js';
import type { ConnectionTarget, DatabaseHandler } from '../../database/contract.js';
import type { GenerateRequest, Migration, MigrationHandler, RehearsalInput, StepContext } from '../contract.js';
import { classify } from '../script/classify.js';
import { applyMigration } from './apply.js';
import { compare } from './compare.js';
import { ensureLedger } from './ensure-ledger.js';
import { findObjects } from './evidence.js';
import { generateMigration } from './generate/generate.js';
import { readLedger } from './ledger.js';
import { digestsWhenApplied } from './ledger-history.js';
import { LEDGER_TABLE } from './ledger-table.js';
import { makeSchema } from './make-schema.js';
import { measureLosses } from './measure-losses.js';
import { readProject } from './project.js';
import { rehearse } from './rehearse.js';
import { revertMigration } from './revert.js';
import { seedCommand } from './seed-command.js';
import { recordBaseline, resolveFailed } from './settle.js';

export class PrismaMigrationHandler implements MigrationHandler {
  readonly tool = 'prisma';
  readonly ledger = LEDGER_TABLE;
  readonly readProject = readProject;
  readonly compare = compare;
  readonly classify = classify;
  readonly seedCommand = seedCommand;
  readonly digestsWhenApplied = digestsWhenApplied;

  constructor(private readonly database: DatabaseHandler) {}

  readLedger(target: ConnectionTarget) {
    return readLedger(this.database, target);
  }

  ensureLedger(context: StepContext) {
    return ensureLedger(this.database, context);
  }

  apply(migration: Migration, context: StepContext) {
    return applyMigration(this.database, migration, context);
  }

  revert(migration: Migration, context: Parameters<MigrationHandler['revert']>[1]) {
    return revertMigration(this.database, migration, context);
  }

  measureLosses(migrations: readonly Migration[], target: ConnectionTarget) {
    return measureLosses(this.database, migrations, target);
  }

  findObjects(migration: Pick<Migration, 'up'>, target: ConnectionTarget) {
    return findObjects(this.database, migration, target);
  }

  resolve(migration: Pick<Migration, 'name' | 'up'>, as: 'applied' | 'rolled_back', context: StepContext) {
    return resolveFailed(this.database, migration, as, context);
  }

  baseline(migrations: readonly Pick<Migration, 'name' | 'up'>[], context: StepContext) {
    return recordBaseline(this.database, migrations, context);
  }

  makeSchema(migrations: readonly Migration[], scratch: ConnectionTarget, settings: Settings, signal: AbortSignal) {
    return makeSchema(this.database, migrations, scratch, settings.migrations.timeout_seconds, signal);
  }

  rehearse(target: ConnectionTarget, settings: Settings, input: RehearsalInput) {
    return rehearse(this.database, target, settings, input);
  }

  generate(target: ConnectionTarget, settings: Settings, request: GenerateRequest) {
    return generateMigration(this.database, target, settings, request);
  }
}
