/** Prisma Migrate without its CLI: its projects here, its ledger and scripts by the runner of a database system. */
import type { Settings } from '../../../contract/settings.js';
import type { ConnectionTarget, DatabaseHandler } from '../../database/contract.js';
import type { GenerateRequest, Migration, MigrationHandler, RehearsalInput, StepContext } from '../contract.js';
import { compare } from './compare.js';
import { generateMigration } from './generate/generate.js';
import { LEDGER_TABLE } from './ledger.js';
import { digestsWhenApplied } from './ledger-history.js';
import { databaseFolder } from './location.js';
import { readProject } from './project.js';
import { rehearse } from '../rehearse.js';
import type { PrismaRunner } from './runner.js';
import { seedCommand } from './seed-command.js';

export class PrismaMigrationHandler implements MigrationHandler {
  readonly tool = 'prisma';
  readonly compare = compare;
  readonly seedCommand = seedCommand;
  readonly digestsWhenApplied = digestsWhenApplied;

  constructor(private readonly database: DatabaseHandler, private readonly runner: PrismaRunner) {}

  readProject(settings: Settings, variables?: NodeJS.ProcessEnv) {
    return readProject(settings, this.runner.providers, variables);
  }

  databaseFolder(settings: Settings, variables?: NodeJS.ProcessEnv) {
    return databaseFolder(settings, variables);
  }

  ownTables() {
    return [LEDGER_TABLE];
  }

  classify(migration: Migration, before?: readonly Pick<Migration, 'up'>[]) {
    return this.runner.classify(migration, before);
  }

  readLedger(target: ConnectionTarget, settings: Settings) {
    return this.runner.readLedger(target, settings);
  }

  ensureLedger(context: StepContext) {
    return this.runner.ensureLedger(context);
  }

  apply(migration: Migration, context: StepContext) {
    return this.runner.apply(migration, context);
  }

  revert(migration: Migration, context: Parameters<MigrationHandler['revert']>[1]) {
    return this.runner.revert(migration, context);
  }

  measureLosses(migrations: readonly Migration[], target: ConnectionTarget) {
    return this.runner.measureLosses(migrations, target);
  }

  findObjects(migration: Pick<Migration, 'up'>, target: ConnectionTarget) {
    return this.runner.findObjects(migration, target);
  }

  resolve(migration: Pick<Migration, 'name' | 'up'>, as: 'applied' | 'rolled_back', context: StepContext) {
    return this.runner.resolve(migration, as, context);
  }

  baseline(migrations: readonly Pick<Migration, 'name' | 'up'>[], context: StepContext) {
    return this.runner.baseline(migrations, context);
  }

  makeSchema(migrations: readonly Migration[], scratch: ConnectionTarget, settings: Settings, signal: AbortSignal) {
    return this.runner.makeSchema(migrations, scratch, settings, signal);
  }

  rehearse(target: ConnectionTarget, settings: Settings, input: RehearsalInput) {
    return rehearse(this.database, this, target, settings, input);
  }

  generate(target: ConnectionTarget, settings: Settings, request: GenerateRequest) {
    return generateMigration(this.database, this.runner, target, settings, request);
  }
}
