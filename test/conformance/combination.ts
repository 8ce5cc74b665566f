/** What a combination of migration tool and database system tells about itself, and the scene that a case plays in. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { MigrationTool, Provider, Settings } from '../../src/contract/settings.js';
import { driftHandlers } from '../../src/handlers/drift/index.js';
import type { ConnectionTarget, DatabaseHandler } from '../../src/handlers/database/contract.js';
import { databaseHandlers } from '../../src/handlers/database/index.js';
import type { Migration, MigrationHandler, MigrationStatus, StepContext, StepOutcome } from '../../src/handlers/migration/contract.js';
import { migrationHandlers } from '../../src/handlers/migration/index.js';
import { prismaSettings } from '../handlers/migration/prisma/support.js';
import { inDist } from '../support/dist.js';
import { tempDir } from '../support/temp.js';

/** A migration, told in SQL that every database system reads. The project writes it as its tool wants it. */
export interface Sample {
  name: string;
  up: string[];
  down?: string[];
}

export interface SystemDatabase {
  url: string;
  /** One query as the application would send it. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** Opens a transaction as an application would that holds the table `item`; returns what ends it. */
  holdItem(): Promise<() => Promise<void>>;
}

export interface System {
  provider: Provider;
  create(): Promise<SystemDatabase>;
  /** A statement that takes this long (seconds), at least. */
  slow(seconds: number): string;
  /** What a schema change that fails in the middle leaves: nothing, or what ran before it. */
  rollsBack: boolean;
}

export interface ProjectKind {
  /** As the config names it; the worked example of docs/handlers.md is no tool of the product. */
  tool: MigrationTool | 'dbmate';
  table: string;
  /** Writes the project, or writes it anew: files of samples that are not given any more are gone. */
  write(root: string, samples: readonly Sample[], system: System): Promise<void>;
  /** Folder of the migrations, relative to the root. */
  directory: string;
  /** What the tool needs to see that a column `note` is wanted; absent: it makes an empty migration to fill in. */
  wantColumn?(root: string, system: System): Promise<void>;
}

export interface Combination {
  system: System;
  project: ProjectKind;
  /** Cases that this combination refuses, with the code that it gives: the answer is tested as well. */
  refuses?: Partial<Record<string, 'unsupported'>>;
  /** More settings. */
  settings?: Partial<Settings>;
  /** A step that fails in the middle leaves what ran before it, also where the database could take it back. */
  leavesHalf?: boolean;
  /** Neither the tool's ledger nor our own record tells what an applied migration looked like. */
  keepsNoChecksum?: boolean;
  /** Instead of the product's own. */
  handler?: (database: DatabaseHandler) => MigrationHandler;
}

export interface Scene {
  combination: Combination;
  root: string;
  db: SystemDatabase;
  database: DatabaseHandler;
  tool: MigrationHandler;
  target: ConnectionTarget;
  settings: Settings;
  /** Of the operation `op-1`, which has taken the fence. */
  context: StepContext;
  write(samples: readonly Sample[]): Promise<void>;
  migrations(): Promise<Migration[]>;
  status(): Promise<MigrationStatus>;
  /** Applies what is pending, in order, until one fails. */
  applyPending(context?: StepContext): Promise<StepOutcome[]>;
  /** Another operation, or another attempt of one. */
  takeOver(operationId: string, more?: Partial<StepContext>): Promise<StepContext>;
  drift(): ReturnType<ReturnType<typeof driftHandlers>['find']>;
}

/** Changes with every file of the folder. */
async function stateOf(folder: string): Promise<string> {
  const files = (await readdir(folder, { recursive: true })).sort();
  const stats = await Promise.all(files.map((file) => stat(join(folder, file))));
  return files.map((file, at) => `${file} ${stats[at]!.mtimeMs} ${stats[at]!.size}`).join();
}

export const title = ({ system, project }: Combination) => `${project.tool} on ${system.provider}`;

export async function openScene(combination: Combination, samples: readonly Sample[]): Promise<Scene> {
  const { system, project } = combination;
  // Processes of ours run from there.
  await inDist();
  const root = await tempDir();
  const db = await system.create();
  const database = databaseHandlers(system.provider);
  const tool = combination.handler?.(database) ?? migrationHandlers(project.tool as MigrationTool, database);
  const target = database.target(db.url);
  const base = prismaSettings(root, join(root, project.directory));
  const settings: Settings = {
    ...base, provider: system.provider, migration_tool: tool.tool, migrations: { ...base.migrations, table: project.table }, ...combination.settings,
  };
  const variables = { ...process.env, [settings.connection_string_env]: db.url };
  const write = (all: readonly Sample[]) => project.write(root, all, system);
  await write(samples);
  // Some tools need a process of their own to read a project, so it is read again when a file has changed.
  let read: { state: string; migrations: Promise<Migration[]> } | null = null;
  const migrations = async () => {
    const state = await stateOf(settings.migrations.directory);
    if (read?.state !== state) read = { state, migrations: tool.readProject(settings, variables).then((found) => found.migrations) };
    return read.migrations;
  };
  const status = async () => tool.compare(await migrations(), await tool.readLedger(target, settings));
  const takeOver = async (operationId: string, more: Partial<StepContext> = {}): Promise<StepContext> => {
    const options = { signal: new AbortController().signal, lockTimeoutSeconds: 10, timeoutSeconds: 30 };
    await database.bookkeeping.ensure(target);
    const fence = await database.bookkeeping.takeFence(target, operationId, options);
    return { ...options, target, fence, settings, concurrentTimeoutSeconds: 30, ...more };
  };
  const context = await takeOver('op-1');
  await tool.ensureLedger(context);
  const applyPending = async (by = context) => {
    const all = await migrations();
    const outcomes: StepOutcome[] = [];
    for (const name of (await status()).pending) {
      const outcome = await tool.apply(all.find((migration) => migration.name === name)!, by);
      outcomes.push(outcome);
      if (outcome.status === 'failed') break;
    }
    return outcomes;
  };
  const drift = async () => driftHandlers(system.provider, database).find({ target, tool, settings, migrations: await migrations(), id: 'status-1', signal: context.signal });
  return { combination, root, db, database, tool, target, settings, context, write, migrations, status, applyPending, takeOver, drift };
}
