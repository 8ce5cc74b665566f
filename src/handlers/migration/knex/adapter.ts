/** Knex 3, the project's own, by its migrator: it keeps its ledger and its lock itself. Runs inside the process of the project. */
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Knex } from 'knex';
import type { Described, ProgramStep } from '../program/messages.js';
import { type ConnectedTool, type Programs, type ProgramTool, type ToolProject, type ToolSteps, Unusable } from '../program/child/contract.js';
import { loadModule } from '../program/child/load.js';
import { chosenEnvironment } from '../program/child/environment.js';
import { findConfig, findTool } from '../program/child/find.js';

const CONFIG_FILES = ['js', 'ts', 'cjs', 'mjs', 'cts', 'mts'].map((ending) => `knexfile.${ending}`);

type KnexFactory = (config: Knex.Config) => Knex;
interface FoundMigration { file: string; directory: string }
interface Source { getMigrations(extensions: readonly string[]): Promise<FoundMigration[]>; getMigrationName(migration: unknown): string }
interface MergedConfig extends Knex.MigratorConfig { migrationSource: Source & Knex.MigrationSource<unknown> }

export const knex: ProgramTool = {
  async open(place) {
    const configFile = findConfig(place, CONFIG_FILES, 'knexfile');
    // As Knex's command does: folders of the config are relative to it.
    process.chdir(dirname(configFile));
    const { require, version, create } = findKnex(place.directory);
    const { config, part } = await readConfig(configFile, place.environment);
    return new KnexProject(configFile, part, require, version, create, config);
  },
};

class KnexProject implements ToolProject {
  constructor(
    private readonly configFile: string, private readonly part: string | null, readonly require: NodeJS.Require, private readonly version: string,
    private readonly create: KnexFactory, private readonly config: Knex.Config,
  ) {}

  async describe(): Promise<Described> {
    const instance = this.create({ ...this.config, pool: { min: 0 } });
    const merged = migratorConfig(instance);
    const found = await filesOf(merged);
    const migrations: Described['migrations'] = [];
    const warnings: string[] = [];
    for (const { name, file } of found) {
      const { config, down, up } = programOf(await loadModule(file));
      if (typeof up !== 'function') throw new Unusable(`${name} exports no function up.`, ['Knex needs one in each file of the folder of migrations']);
      if (typeof down !== 'function') warnings.push(`${name} exports no function down, which Knex's own command refuses.`);
      const own = (config as { transaction?: unknown } | undefined)?.transaction;
      migrations.push({ name, file, transactional: typeof own === 'boolean' ? own : !merged.disableTransactions, hasDown: typeof down === 'function' });
    }
    await instance.destroy();
    const seeds = seedFolders(this.config);
    return { tool: `knex ${this.version}`, configFiles: [this.configFile], ledger: { table: merged.tableName!, schema: merged.schemaName ?? null }, migrations, part: this.part, seeds, warnings };
  }

  async connect(programs: Programs): Promise<ConnectedTool> {
    return new ConnectedKnex(this.create(this.config), programs);
  }

  async make(name: string, folder: string): Promise<string> {
    const instance = this.create({ ...this.config, pool: { min: 0 } });
    // Else a folder of its own would make Knex forget which ending the project's files have.
    const { extension } = migratorConfig(instance);
    return instance.migrate.make(name, { ...this.config.migrations, migrationSource: undefined, directory: folder, ...(extension ? { extension } : {}) });
  }
}

class ConnectedKnex implements ConnectedTool {
  readonly outside: ToolSteps;

  constructor(private readonly instance: Knex, private readonly programs: Programs) {
    this.outside = this.#steps(instance);
  }

  async withConnection(work: (connection: unknown) => Promise<void>): Promise<void> {
    const client = clientOf(this.instance);
    const connection = await client.acquireConnection();
    try {
      await work(connection);
    } finally {
      await client.releaseConnection(connection);
    }
  }

  /** Knex writes the ledger row of a down outside of that down's transaction; around both of them stands this one. */
  async inTransaction(work: (connection: unknown, steps: ToolSteps) => Promise<void>): Promise<void> {
    await this.instance.transaction(async (transaction) => work(await clientOf(transaction).acquireConnection(), this.#steps(transaction)));
  }

  async unlock(): Promise<void> {
    await this.instance.migrate.forceFreeMigrationsLock();
  }

  async close(): Promise<void> {
    await this.instance.destroy();
  }

  #steps(on: Knex): ToolSteps {
    return {
      ensureLedger: async () => void (await on.migrate.currentVersion()),
      step: async (step) => {
        const config = migratorConfig(this.instance);
        const found = await filesOf(config);
        const loaded = step.recordOnly ? {} : programOf(await this.programs.load(step));
        const options = { migrationSource: sourceOf(step, found, config, loaded, this.programs), name: step.name };
        await (step.direction === 'up' ? on.migrate.up(options) : on.migrate.down(options));
      },
    };
  }
}

/** The project's list, so that Knex sees a file that is missing, with the one program that runs. */
function sourceOf(step: ProgramStep, found: { name: string }[], { disableTransactions }: MergedConfig, loaded: Record<string, unknown>, { run }: Programs): Knex.MigrationSource<string> {
  const { up, down, config } = loaded as { up?: (on: unknown) => unknown; down?: (on: unknown) => unknown; config?: object };
  const transaction = disableTransactions ? {} : { transaction: true };
  return {
    getMigrations: async () => found.map(({ name }) => name),
    getMigrationName: (name) => name,
    getMigration: async (name) =>
      name !== step.name
        ? { up: async () => {}, down: async () => {} }
        : ({ config: config ?? transaction, up: (on: unknown) => run(step, () => up!(on)), down: (on: unknown) => run(step, () => down!(on)) } as Knex.Migration),
  };
}

/** Of a module with a default export alone, that. */
function programOf(module: Record<string, unknown>): Record<string, unknown> {
  return typeof module['up'] === 'function' ? module : ((module['default'] as Record<string, unknown> | undefined) ?? module);
}

/** As Knex has merged it with its defaults, which nothing of its API tells. */
function migratorConfig(instance: Knex): MergedConfig {
  return (instance.migrate as unknown as { config: MergedConfig }).config;
}

async function filesOf({ migrationSource, loadExtensions }: MergedConfig): Promise<{ name: string; file: string }[]> {
  const found = await migrationSource.getMigrations(loadExtensions as string[]);
  return (found as FoundMigration[]).map((migration) => {
    if (typeof migration?.file !== 'string' || typeof migration.directory !== 'string') {
      throw new Unusable('The knexfile has a migrationSource of its own, whose migrations are no files.', ['faber-db compares each file before it runs: keep migrations in a folder (migrations.directory of the knexfile)']);
    }
    return { name: migrationSource.getMigrationName(migration), file: resolve(migration.directory, migration.file) };
  });
}

function seedFolders({ seeds }: Knex.Config): string[] | null {
  const directory = seeds?.directory ?? './seeds';
  const folders = (Array.isArray(directory) ? directory : [directory]).map((folder) => resolve(folder)).filter((folder) => existsSync(folder));
  return folders.length > 0 ? folders : null;
}

function findKnex(directory: string): { require: NodeJS.Require; version: string; create: KnexFactory } {
  const { require, version, exports } = findTool<KnexFactory & { knex?: KnexFactory }>(directory, 'knex', 'Knex', /^3\./, '3');
  return { require, version, create: exports.knex ?? exports };
}

/** A config for several environments has one by the name of ours. */
async function readConfig(file: string, environment: string): Promise<{ config: Knex.Config; part: string | null }> {
  const module = await loadModule(file);
  const exported = (module['default'] ?? module) as Record<string, unknown> | (() => unknown);
  const config = (typeof exported === 'function' ? await exported() : exported) as Record<string, unknown>;
  if ('client' in config || 'dialect' in config) return { config: config as Knex.Config, part: null };
  const chosen = chosenEnvironment(config, environment, basename(file));
  return { config: chosen.config as Knex.Config, part: chosen.name };
}

/** The driver's connection is the client's to lend. */
function clientOf(on: Knex): { acquireConnection(): Promise<unknown>; releaseConnection(connection: unknown): Promise<void> } {
  return on.client as never;
}
