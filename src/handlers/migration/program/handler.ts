/** Migrations that are programs: a tool's own copy in the project runs them in a process beside the worker. */
import type { Settings } from '../../../contract/settings.js';
import type { ConnectionTarget, DatabaseHandler } from '../../database/contract.js';
import type { GenerateRequest, Migration, MigrationHandler, RehearsalInput, StepContext, TryOutInput } from '../contract.js';
import { rehearse } from '../rehearse.js';
import { classify } from './classify.js';
import { compare, digestsWhenApplied, ledgerOf } from './ledger.js';
import { noDown, stepOutsideTransaction } from './outside-transaction.js';
import { readProject } from './project.js';
import { makeSchema, tryOut } from './scratch.js';
import { seedCommand } from './seed-command.js';
import type { Programs } from './session.js';
import { baseline, ensureLedger, resolve } from './settle.js';
import { stateOf, stepInTransaction, type RevertContext } from './step.js';
import type { ProgramSystem } from './system.js';
import type { ProgramToolFacts } from './tool.js';

export class ProgramMigrationHandler implements MigrationHandler {
  readonly tool: Settings['migration_tool'];
  readonly compare = compare;
  readonly digestsWhenApplied = digestsWhenApplied;
  readonly #programs: Programs;

  constructor(database: DatabaseHandler, system: ProgramSystem, tool: ProgramToolFacts) {
    this.tool = tool.name;
    this.#programs = { database, system, tool };
  }

  readProject(settings: Settings, variables?: NodeJS.ProcessEnv) {
    return readProject(this.#programs.tool, settings, variables);
  }

  async readLedger(target: ConnectionTarget, settings: Settings) {
    return ledgerOf(await stateOf(this.#programs, { target, settings }));
  }

  ownTables({ migrations }: Settings) {
    const { system, tool } = this.#programs;
    return tool.tables(migrations.table).flatMap(({ table, key }) => system.relationsOf(table, key));
  }

  seedCommand(settings: Settings) {
    return seedCommand(this.#programs.tool, settings);
  }

  measureLosses(migrations: readonly Migration[], target: ConnectionTarget) {
    return this.#programs.system.measureLosses(migrations, target);
  }

  classify(migration: Migration) {
    return classify(migration, this.#programs.system, this.#programs.tool);
  }

  ensureLedger(context: StepContext) {
    return ensureLedger(this.#programs, context);
  }

  apply(migration: Migration, context: StepContext) {
    return migration.program?.transaction === 'transactional' ? stepInTransaction(this.#programs, migration, 'up', context) : stepOutsideTransaction(this.#programs, migration, 'up', context);
  }

  async revert(migration: Migration, context: RevertContext) {
    if (migration.down === null) throw noDown(migration.name);
    return migration.program?.transaction === 'transactional' ? stepInTransaction(this.#programs, migration, 'down', context) : stepOutsideTransaction(this.#programs, migration, 'down', context);
  }

  findObjects(migration: Pick<Migration, 'up' | 'program'>, target: ConnectionTarget) {
    return this.#programs.system.findObjects(migration.program?.tried?.up ?? [], target);
  }

  resolve(migration: Pick<Migration, 'name' | 'up'>, as: 'applied' | 'rolled_back', context: StepContext) {
    return resolve(this.#programs, migration, as, context);
  }

  baseline(migrations: readonly Pick<Migration, 'name' | 'up'>[], context: StepContext) {
    return baseline(this.#programs, migrations, context);
  }

  tryOut(migrations: readonly Migration[], target: ConnectionTarget, settings: Settings, input: TryOutInput) {
    return tryOut(this.#programs, migrations, target, settings, input);
  }

  makeSchema(migrations: readonly Migration[], scratch: ConnectionTarget, settings: Settings, signal: AbortSignal) {
    return makeSchema(this.#programs, migrations, scratch, settings, signal);
  }

  async takeDown(migration: Migration, scratch: ConnectionTarget, settings: Settings, signal: AbortSignal) {
    await makeSchema(this.#programs, [migration], scratch, settings, signal, 'down');
  }

  rehearse(target: ConnectionTarget, settings: Settings, input: RehearsalInput) {
    return rehearse(this.#programs.database, this, target, settings, input);
  }

  generate(target: ConnectionTarget, settings: Settings, request: GenerateRequest) {
    return this.#programs.tool.generate(this.#programs, target, settings, request);
  }
}
