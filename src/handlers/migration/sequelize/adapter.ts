/** Sequelize 6, the project's own, as its command and umzug run it: the same files, the same ledger. Runs inside the process of the project. */
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import type { ModelStatic, Options, QueryInterface, Sequelize, Transaction } from 'sequelize';
import type { Described, Place, ProgramStep } from '../program/messages.js';
import { type ConnectedTool, type Programs, type ProgramTool, type ToolProject, type ToolSteps, Unusable } from '../program/child/contract.js';
import { chosenEnvironment } from '../program/child/environment.js';
import { findConfig, findTool } from '../program/child/find.js';
import { loadModule } from '../program/child/load.js';
import { holding } from './holding.js';

const CONFIG_FILES = ['config/config.json', 'config/config.js', 'config/config.cjs', 'config/config.ts', 'config/database.js', 'config/database.json', 'config.json'];
/** As the command and umzug take files; declarations are none. */
const FILES = /(?<!\.d)\.[cm]?[jt]s$/;

interface Tool { Sequelize: typeof Sequelize & { DataTypes: { STRING: unknown } } }
/** What no transaction of PostgreSQL holds, by the words that an author needs for it. */
const ALONE = /\bconcurrently\b|\bvacuum\b|\balter\s+system\b|\b(?:create|drop)\s+database\b/i;
interface FoundConfig extends Options { url?: string; use_env_variable?: string; migrationStorage?: string; migrationStorageTableName?: string; migrationStorageTableSchema?: string }

export const sequelize: ProgramTool = {
  async open(place) {
    const paths = await commandPaths(place);
    const configFile = findConfig({ ...place, configFile: place.configFile ?? paths.config ?? null }, CONFIG_FILES, 'config of Sequelize (config/config.json)');
    const { require, version, exports } = findTool<Tool>(place.directory, 'sequelize', 'Sequelize', /^6\./, '6');
    const module = await loadModule(configFile);
    const exported = (module['default'] ?? module) as Record<string, unknown> | (() => unknown);
    const config = (typeof exported === 'function' ? await exported() : exported) as Record<string, unknown>;
    const chosen = 'dialect' in config || 'use_env_variable' in config ? { name: null, config } : chosenEnvironment(config, place.environment, basename(configFile));
    return new SequelizeProject(place, [configFile, ...(paths.file === null ? [] : [paths.file])], paths, require, version, exports, chosen.config as FoundConfig, chosen.name);
  },
};

interface CommandPaths { file: string | null; config?: string; migrations: string; seeders: string }

/** .sequelizerc says where things are. */
async function commandPaths({ directory }: Place): Promise<CommandPaths> {
  const file = join(directory, '.sequelizerc');
  const usual = { migrations: join(directory, 'migrations'), seeders: join(directory, 'seeders') };
  if (!existsSync(file)) return { file: null, ...usual };
  const given = (await loadCommandFile(file)) as Record<string, string | undefined>;
  const at = (path: string | undefined, fallback: string) => (path === undefined ? fallback : resolve(directory, path));
  return {
    file, migrations: at(given['migrations-path'], usual.migrations), seeders: at(given['seeders-path'], usual.seeders),
    ...(given['config'] === undefined ? {} : { config: resolve(directory, given['config']) }),
  };
}

/** A file without an ending, which Node takes for CommonJS only through the same door as the command does. */
async function loadCommandFile(file: string): Promise<unknown> {
  const { Module, createRequire } = await import('node:module');
  const module = Object.assign(new Module(file), { filename: file, paths: (createRequire(file).resolve.paths('x') ?? []) as string[] });
  (module as unknown as { _compile(code: string, name: string): void })._compile(await readFile(file, 'utf8'), file);
  return module.exports;
}

class SequelizeProject implements ToolProject {
  constructor(
    private readonly place: Place, private readonly configFiles: string[], private readonly paths: CommandPaths, readonly require: NodeJS.Require,
    private readonly version: string, private readonly tool: Tool, private readonly config: FoundConfig, private readonly part: string | null,
  ) {}

  async describe(): Promise<Described> {
    const { migrations: folder, seeders } = this.paths;
    if (!existsSync(folder)) throw new Unusable(`There is no folder of migrations at ${folder}.`, ['.sequelizerc says where it is: migrations-path']);
    const storage = this.config.migrationStorage ?? 'sequelize';
    if (storage !== 'sequelize') throw new Unusable(`The config keeps the ledger elsewhere than in the database (migrationStorage: ${storage}).`, ['Leave migrationStorage out: the ledger is then in the table SequelizeMeta']);
    const migrations: Described['migrations'] = [];
    for (const name of readdirSync(folder).filter((file) => FILES.test(file)).sort()) {
      const { up, down, transaction } = programOf(await loadModule(join(folder, name)));
      if (typeof up !== 'function') throw new Unusable(`${name} exports no function up.`);
      migrations.push({ name, file: join(folder, name), transactional: typeof transaction === 'boolean' ? transaction : !ALONE.test(await readFile(join(folder, name), 'utf8')), hasDown: typeof down === 'function' });
    }
    return {
      tool: `sequelize ${this.version}`,
      configFiles: this.configFiles,
      ledger: { table: this.config.migrationStorageTableName ?? 'SequelizeMeta', schema: this.config.migrationStorageTableSchema ?? null },
      migrations,
      part: this.part,
      seeds: existsSync(seeders) && readdirSync(seeders).length > 0 ? [seeders] : null,
      warnings: [],
    };
  }

  connect(programs: Programs): Promise<ConnectedTool> {
    const { url, use_env_variable: variable, ...options } = this.config;
    const address = variable === undefined ? url : process.env[variable];
    if (variable !== undefined && address === undefined) throw new Unusable(`The config takes its URL from ${variable}, which is not set.`, [`Name it in the faber-db config: "migrations": { "url_variable": "${variable}" }`]);
    const quiet = { ...options, logging: false } as Options;
    const instance = address === undefined ? new this.tool.Sequelize(quiet) : new this.tool.Sequelize(address, quiet);
    return Promise.resolve(new ConnectedSequelize(instance, this.tool, programs, this.config.migrationStorageTableName ?? 'SequelizeMeta', this.place));
  }

  /** As the command writes it. */
  async make(name: string, folder: string): Promise<string> {
    const last = existsSync(this.paths.migrations) ? readdirSync(this.paths.migrations).filter((file) => FILES.test(file)).sort().at(-1) : undefined;
    const file = join(folder, `${new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)}-${name}${last === undefined ? '.js' : extname(last)}`);
    const skeleton = skeletonOf(this.place.directory);
    if (skeleton !== null && file.endsWith('.js')) await copyFile(skeleton, file);
    else await writeFile(file, template(file));
    return file;
  }
}

class ConnectedSequelize implements ConnectedTool {
  readonly outside: ToolSteps;
  readonly #ledger: ModelStatic<never>;

  constructor(private readonly instance: Sequelize, private readonly tool: Tool, private readonly programs: Programs, table: string, place: Place) {
    // As umzug's storage and the command define it.
    const column = { type: tool.Sequelize.DataTypes.STRING, allowNull: false, unique: true, primaryKey: true, autoIncrement: false };
    const schema = place.schema === 'public' ? {} : { schema: place.schema };
    this.#ledger = instance.define(table, { name: column } as never, { tableName: table, ...schema, timestamps: false, charset: 'utf8', collate: 'utf8_unicode_ci' }) as never;
    this.outside = this.#steps(null);
  }

  async withConnection(work: (connection: unknown) => Promise<void>): Promise<void> {
    const manager = this.instance.connectionManager as unknown as { getConnection(options: object): Promise<unknown>; releaseConnection(connection: unknown): void };
    const connection = await manager.getConnection({ type: 'write' });
    try {
      await work(connection);
    } finally {
      manager.releaseConnection(connection);
    }
  }

  async inTransaction(work: (connection: unknown, steps: ToolSteps) => Promise<void>): Promise<void> {
    await this.instance.transaction((transaction) =>
      holding(this.instance, this.tool.Sequelize, transaction, () => work((transaction as unknown as { connection: unknown }).connection, this.#steps(transaction))));
  }

  async close(): Promise<void> {
    await this.instance.close();
  }

  #steps(transaction: Transaction | null): ToolSteps {
    const options = { transaction } as never;
    const ledger = this.#ledger as unknown as { sync(options: never): Promise<unknown>; create(row: object, options: never): Promise<unknown>; destroy(options: never): Promise<unknown> };
    return {
      ensureLedger: async () => void (await ledger.sync(options)),
      step: async (step) => {
        if (!step.recordOnly) await this.#run(step);
        if (step.direction === 'up') await ledger.create({ name: step.name }, options);
        else await ledger.destroy({ where: { name: step.name }, transaction } as never);
      },
    };
  }

  async #run(step: ProgramStep): Promise<void> {
    const program = programOf(await this.programs.load(step)) as Record<string, (...given: unknown[]) => unknown>;
    const queryInterface: QueryInterface = this.instance.getQueryInterface();
    await this.programs.run(step, () => program[step.direction]!(queryInterface, this.tool.Sequelize));
  }
}

function programOf(module: Record<string, unknown>): Record<string, unknown> {
  return typeof module['up'] === 'function' ? module : ((module['default'] as Record<string, unknown> | undefined) ?? module);
}

function skeletonOf(directory: string): string | null {
  const file = join(directory, 'node_modules', 'sequelize-cli', 'lib', 'assets', 'migrations', 'skeleton.js');
  return existsSync(file) ? file : null;
}

function template(file: string): string {
  const typed = /\.[cm]?ts$/.test(file);
  const [given, begin, end] = typed ? ["queryInterface: import('sequelize').QueryInterface, Sequelize: typeof import('sequelize')", 'export default {', '};'] : ['queryInterface, Sequelize', "'use strict';\n\nmodule.exports = {", '};'];
  return `${begin}\n  async up(${given}) {\n    // For example: await queryInterface.createTable('users', { id: Sequelize.INTEGER });\n  },\n\n  async down(${given}) {\n    // Undoes what up does.\n  },\n${end}\n`;
}

