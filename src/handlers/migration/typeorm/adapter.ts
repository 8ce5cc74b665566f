/** TypeORM 0.3 and 1, the project's own, by its migration executor. Runs inside the process of the project. */
import { basename, dirname } from 'node:path';
import type { DataSource, DataSourceOptions, MigrationInterface, QueryRunner } from 'typeorm';
import type { Described, MadeScripts, ProgramStep } from '../program/messages.js';
import { type ConnectedTool, type Programs, type ProgramTool, type ToolProject, type ToolSteps, Unusable } from '../program/child/contract.js';
import { findConfig, findTool } from '../program/child/find.js';
import { loadModule } from '../program/child/load.js';
import { classesIn, expand, type Constructor, type Given } from './classes.js';

const PLACES = ['', 'src/', 'src/config/', 'src/database/', 'src/db/', 'config/', 'database/', 'db/'];
const NAMES = ['data-source', 'datasource', 'typeorm.config', 'ormconfig', 'database', 'typeorm'];
const CONFIG_FILES = PLACES.flatMap((place) => NAMES.flatMap((name) => ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((ending) => `${place}${name}.${ending}`)));

/** A migration as the executor takes it. */
interface Executable { id: undefined; timestamp: number; name: string; instance: MigrationInterface }
interface Executor {
  executeMigration(migration: Executable): Promise<unknown>;
  insertMigration(migration: Executable): Promise<void>;
  deleteMigration(migration: Executable): Promise<void>;
  createMigrationsTableIfNotExist(runner: QueryRunner): Promise<void>;
}
interface TypeOrm { MigrationExecutor: new (source: DataSource, runner?: QueryRunner) => Executor }

interface FoundMigration { name: string; timestamp: number; file: string; instance: MigrationInterface }

export const typeorm: ProgramTool = {
  async open(place) {
    const configFile = findConfig(place, CONFIG_FILES, 'file with a DataSource (data-source.ts)');
    const { require, version, exports } = findTool<TypeOrm>(place.directory, 'typeorm', 'TypeORM', /^(?:0\.3|1)\./, '0.3 or 1');
    return new TypeOrmProject(configFile, require, version, exports, sourceIn(await loadModule(configFile), configFile));
  },
};

class TypeOrmProject implements ToolProject {
  constructor(
    private readonly configFile: string, readonly require: NodeJS.Require, private readonly version: string, private readonly tool: TypeOrm, private readonly source: DataSource,
  ) {}

  async describe(): Promise<Described> {
    const { options } = this.source;
    const migrations = await this.#migrations();
    const byDefault = options.migrationsTransactionMode !== 'none';
    return {
      tool: `typeorm ${this.version}`,
      configFiles: [this.configFile],
      ledger: { table: options.migrationsTableName ?? 'migrations', schema: (options as { schema?: string }).schema ?? null },
      migrations: migrations.map(({ name, file, instance }) => ({
        name, file, transactional: (instance as { transaction?: boolean }).transaction ?? byDefault, hasDown: typeof instance.down === 'function',
      })),
      part: null,
      seeds: null,
      warnings: [],
    };
  }

  async connect(programs: Programs): Promise<ConnectedTool> {
    const entities = (await this.#classes(this.source.options.entities)).map(({ found }) => found);
    const subscribers = (await this.#classes(this.source.options.subscribers)).map(({ found }) => found);
    // Nothing but the migration changes anything, whatever the config asks for at the start of the application.
    this.source.setOptions({
      entities, subscribers, migrations: [], synchronize: false, dropSchema: false, migrationsRun: false, logging: false, cache: false,
    } as Partial<DataSourceOptions>);
    await this.source.initialize();
    return new ConnectedTypeOrm(this.source, this.tool, programs);
  }

  async #migrations(): Promise<FoundMigration[]> {
    const all = (await this.#classes(this.source.options.migrations)).map(({ found, file }) => ({ ...migrationOf(found), file }));
    return all.toSorted((a, b) => a.timestamp - b.timestamp);
  }

  #classes(given: unknown) {
    return expand(given as Given, this.require, loadModule);
  }
}

class ConnectedTypeOrm implements ConnectedTool {
  readonly outside: ToolSteps;

  constructor(private readonly source: DataSource, private readonly tool: TypeOrm, private readonly programs: Programs) {
    this.outside = {
      ensureLedger: () => this.#withRunner((runner) => this.#steps(runner).ensureLedger()),
      step: (step) => this.#withRunner((runner) => this.#steps(runner).step(step)),
    };
  }

  withConnection(work: (connection: unknown) => Promise<void>): Promise<void> {
    return this.#withRunner(async (runner) => work(await (runner as unknown as { connect(): Promise<unknown> }).connect()));
  }

  async inTransaction(work: (connection: unknown, steps: ToolSteps) => Promise<void>): Promise<void> {
    await this.#withRunner(async (runner) => {
      const connection = await (runner as unknown as { connect(): Promise<unknown> }).connect();
      await runner.startTransaction();
      try {
        await work(connection, this.#steps(runner));
        await runner.commitTransaction();
      } catch (error) {
        await runner.rollbackTransaction().catch(() => {});
        throw error;
      }
    });
  }

  /** What would make the database as the entities say, and what would take it back. */
  async difference(): Promise<MadeScripts> {
    const { upQueries, downQueries } = await this.source.driver.createSchemaBuilder().log();
    const plain = (queries: readonly { query: string; parameters?: unknown[] }[]) => queries.map(({ query, parameters }) => ({ query, parameters: parameters ?? [] }));
    return { up: plain(upQueries), down: plain(downQueries.toReversed()) };
  }

  async close(): Promise<void> {
    await this.source.destroy();
  }

  async #withRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const runner = this.source.createQueryRunner();
    try {
      return await work(runner);
    } finally {
      await runner.release().catch(() => {});
    }
  }

  #steps(runner: QueryRunner): ToolSteps {
    const executor = new this.tool.MigrationExecutor(this.source, runner);
    return {
      ensureLedger: () => executor.createMigrationsTableIfNotExist(runner),
      step: async (step) => {
        const { run } = this.programs;
        if (step.recordOnly) return step.direction === 'up' ? executor.insertMigration(recorded(step)) : executor.deleteMigration(recorded(step));
        const found = await this.#load(step);
        const instance = { up: () => run(step, () => found.instance.up(runner)), down: () => run(step, () => found.instance.down(runner)) } as unknown as MigrationInterface;
        const executable: Executable = { id: undefined, timestamp: found.timestamp, name: found.name, instance };
        if (step.direction === 'up') return void (await executor.executeMigration(executable));
        await runner.beforeMigration();
        await instance.down(runner);
        await runner.afterMigration();
        await executor.deleteMigration(executable);
      },
    };
  }

  async #load(step: ProgramStep): Promise<ReturnType<typeof migrationOf>> {
    const found = classesIn(await this.programs.load(step)).map(migrationOf).find(({ name }) => name === step.name);
    if (!found) throw new Unusable(`${basename(step.file)} exports no migration ${step.name}.`);
    return found;
  }
}

/** As TypeORM names a migration: by its property, else by its class, with a time at the end. */
function migrationOf(found: Constructor): Omit<FoundMigration, 'file'> {
  const instance = new found() as MigrationInterface;
  const name = instance.name ?? found.name;
  return { name, timestamp: timeOf(name), instance };
}

function timeOf(name: string): number {
  const time = Number.parseInt(name.slice(-13), 10);
  if (time) return time;
  throw new Unusable(`The name of the migration ${name} does not end with a time.`, ['TypeORM wants 13 digits at the end: milliseconds since 1970']);
}

function recorded({ name }: ProgramStep): Executable {
  return { id: undefined, timestamp: timeOf(name), name, instance: {} as MigrationInterface };
}

function sourceIn(module: Record<string, unknown>, file: string): DataSource {
  const exported = [...Object.values(module), ...Object.values((module['default'] as object | undefined) ?? {})];
  const isSource = (value: unknown): value is DataSource => value instanceof Object && (value as Record<string, unknown>)['@instanceof'] === Symbol.for('DataSource');
  const found = isSource(module['default']) ? module['default'] : exported.find(isSource);
  if (found) return found;
  throw new Unusable(`${basename(dirname(file))}/${basename(file)} exports no DataSource.`, ['Name the file that does: migrations.config_file in the faber-db config']);
}

