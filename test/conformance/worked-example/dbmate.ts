/**
 * The worked example of docs/handlers.md: migrations as dbmate keeps them, on PostgreSQL. A file has both directions, below
 * `-- migrate:up` and `-- migrate:down`; the ledger `schema_migrations` has the version of each applied one and nothing else.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import pg from 'pg';
import { createHash } from 'node:crypto';
import { FaberError } from '../../../src/contract/failure.js';
import type { MigrationTool, Settings } from '../../../src/contract/settings.js';
import { ScriptError, type ConnectionTarget, type DatabaseHandler } from '../../../src/handlers/database/contract.js';
import type { GenerateRequest, Ledger, Migration, MigrationHandler, MigrationStatus, Project, RehearsalInput, StepContext, StepOutcome } from '../../../src/handlers/migration/contract.js';
import { rehearse } from '../../../src/handlers/migration/rehearse.js';
import { classify } from '../../../src/handlers/migration/script/postgresql/classify.js';
import { findObjects } from '../../../src/handlers/migration/script/postgresql/evidence.js';
import { refuseLosses } from '../../../src/handlers/migration/script/postgresql/losses.js';
import { makeSchema } from '../../../src/handlers/migration/script/postgresql/make-schema.js';
import { measureLosses } from '../../../src/handlers/migration/script/postgresql/measure-losses.js';
import { parseScript } from '../../../src/handlers/migration/script/postgresql/parse.js';

const FILE = /^(\d+)_.*\.sql$/;
const versionOf = (name: string) => /^\d+/.exec(name)![0];
const literal = pg.escapeLiteral;

export class DbmateMigrationHandler implements MigrationHandler {
  // In the product the name stands in `MigrationTool` of contract/settings.ts.
  readonly tool = 'dbmate' as MigrationTool;
  readonly ownTables = () => ['schema_migrations'];
  readonly classify = classify;

  constructor(private readonly database: DatabaseHandler) {}

  // <project>
  async readProject(settings: Settings): Promise<Project> {
    const { directory } = settings.migrations;
    const names = (await readdir(directory)).filter((name) => FILE.test(name)).sort();
    const migrations: Migration[] = [];
    for (const name of names) {
      const file = relative(settings.working_directory, join(directory, name));
      const { up, down } = directions(await readFile(join(directory, name), 'utf8'), file);
      migrations.push({ name: name.replace(/\.sql$/, ''), up: Buffer.from(up), down: down === null ? null : Buffer.from(down), file });
    }
    return { migrations, tool: 'dbmate', warnings: [] };
  }

  async readLedger(target: ConnectionTarget): Promise<Ledger> {
    const session = await this.database.connect(target, 'ledger');
    try {
      const [there] = await session.query('SELECT to_regclass($1) AS name', [this.#table(target)]);
      const exists = there?.['name'] != null;
      const found = exists ? await session.query<{ version: string }>(`SELECT version FROM ${this.#table(target)} ORDER BY version`) : [];
      // A row tells that it is applied, and nothing else: no checksum, no time, and none is ever half done.
      const rows = found.map(({ version }) => ({ id: version, name: version, checksum: null, started_at: null, finished_at: version, rolled_back_at: null, logs: null }));
      return { exists, rows, digest: digestOf(rows.map(({ name }) => name)) };
    } finally {
      await session.close();
    }
  }

  compare(migrations: readonly Pick<Migration, 'name'>[], { rows }: Ledger): MigrationStatus {
    const names = new Map(migrations.map(({ name }) => [versionOf(name), name]));
    const applied = rows.map(({ name }) => names.get(name) ?? name);
    const pending = migrations.map(({ name }) => name).filter((name) => !applied.includes(name));
    const last = applied.at(-1) ?? '';
    return { applied, pending, failed: [], edited: [], missing: rows.map(({ name }) => name).filter((version) => !names.has(version)), out_of_order: pending.filter((name) => name < last) };
  }

  digestsWhenApplied(ledger: Ledger, applied: readonly string[]): string[] {
    const versions = applied.map(versionOf).sort();
    // Of earlier states nothing is known but what the rows say, and rows that were taken away say nothing.
    return versions.every((version) => ledger.rows.some(({ name }) => name === version)) ? [digestOf(versions)] : [];
  }
  // </project>

  // <step>
  async ensureLedger(context: StepContext): Promise<void> {
    const { target, fence } = context;
    await this.database.inTransaction(target, fence, context, async (session) => {
      await session.query(`CREATE TABLE IF NOT EXISTS ${this.#table(target)} (version varchar(128) PRIMARY KEY)`);
    });
  }

  async apply(migration: Migration, context: StepContext): Promise<StepOutcome> {
    const version = versionOf(migration.name);
    return this.#step(migration, context, 'applied', {
      closing: `INSERT INTO ${this.#table(context.target)} (version) VALUES (${literal(version)})`,
      done: (applied) => applied,
      script: migration.up,
    });
  }

  async revert(migration: Migration, context: StepContext & { refuseLosses?: { operationId: string } | null }): Promise<StepOutcome> {
    const { down } = migration;
    if (down === null) throw new FaberError({ code: 'unsupported', message: `${migration.file} has no migrate:down. Nothing was changed.`, suggestions: ['Write one, or restore a backup'] });
    const steps = context.refuseLosses ? await this.database.bookkeeping.steps(context.target, context.refuseLosses.operationId) : null;
    return this.#step(migration, context, 'reverted', {
      closing: `DELETE FROM ${this.#table(context.target)} WHERE version = ${literal(versionOf(migration.name))}`,
      done: (applied) => !applied,
      script: down,
      before: async (session) => {
        if (steps) await refuseLosses(session, migration.name, await parseScript(migration.up), await parseScript(down), steps);
      },
    });
  }

  /** The script, the ledger's row and our own step are one transaction, which holds the fence: see `DatabaseHandler.inTransaction`. */
  async #step(migration: Migration, context: StepContext, action: 'applied' | 'reverted', step: Step): Promise<StepOutcome> {
    const { target, fence } = context;
    const version = versionOf(migration.name);
    const started = performance.now();
    const duration_ms = () => Math.round(performance.now() - started);
    const opening = `SELECT version FROM ${this.#table(target)} WHERE version = ${literal(version)}`;
    try {
      await this.database.inTransaction(target, fence, { ...context, step: { migration: migration.name, action, ledgerId: version }, opening, closing: step.closing }, async (session, opened) => {
        if (step.done(opened.length > 0)) throw new AlreadyDone();
        await step.before?.(session);
        await session.script(Buffer.from(step.script).toString('utf8'));
      });
      return { status: action, duration_ms: duration_ms() };
    } catch (error) {
      if (error instanceof AlreadyDone) return { status: 'already', duration_ms: duration_ms() };
      if (!(error instanceof ScriptError)) throw error;
      // Broken off: whether it took effect is read by the next attempt, so `connectionLost` goes up as it is.
      return { status: 'failed', failure: error.failure, detail: error.detail, duration_ms: duration_ms(), halfApplied: false };
    }
  }
  // </step>

  // <rest>
  async resolve(): Promise<void> {
    // No row of this ledger is ever half done: there is nothing to settle.
  }

  async baseline(migrations: readonly Pick<Migration, 'name'>[], context: StepContext): Promise<void> {
    const { target, fence } = context;
    await this.database.inTransaction(target, fence, context, async (session) => {
      for (const { name } of migrations) await session.query(`INSERT INTO ${this.#table(target)} VALUES ($1) ON CONFLICT DO NOTHING`, [versionOf(name)]);
    });
  }

  async generate(_target: ConnectionTarget, settings: Settings, { name, at }: GenerateRequest) {
    const version = new Date(at).toISOString().replace(/\D/g, '').slice(0, 14);
    const path = join(settings.migrations.directory, `${version}_${name.replaceAll(/\W+/g, '_')}.sql`);
    await mkdir(settings.migrations.directory, { recursive: true });
    await writeFile(path, '-- migrate:up\n\n-- migrate:down\n', { flag: 'wx' });
    const { migrations } = await this.readProject(settings);
    const migration = migrations.find(({ name: made }) => versionOf(made) === version) ?? null;
    return { migration, path: relative(settings.working_directory, path), findings: [{ level: 'info' as const, message: 'An empty migration to fill in: the tool knows no datamodel' }] };
  }

  async seedCommand(): Promise<null> {
    return null;
  }

  measureLosses(migrations: readonly Migration[], target: ConnectionTarget) {
    return measureLosses(this.database, migrations, target);
  }

  findObjects(migration: Pick<Migration, 'up'>, target: ConnectionTarget) {
    return findObjects(this.database, migration, target);
  }

  makeSchema(migrations: readonly Migration[], scratch: ConnectionTarget, settings: Settings, signal: AbortSignal) {
    return makeSchema(this.database, migrations, scratch, settings.migrations.timeout_seconds, signal);
  }

  rehearse(target: ConnectionTarget, settings: Settings, input: RehearsalInput) {
    return rehearse(this.database, this, target, settings, input);
  }
  // </rest>

  #table({ schema }: ConnectionTarget): string {
    return `${pg.escapeIdentifier(schema)}.schema_migrations`;
  }
}

interface Step {
  closing: string;
  /** Whether it was done before, by whether the ledger has the row. */
  done(applied: boolean): boolean;
  script: Uint8Array;
  before?(session: Parameters<typeof refuseLosses>[0]): Promise<void>;
}

/** Thrown in the transaction, so that it rolls back and records nothing. */
class AlreadyDone extends Error {}

const digestOf = (versions: readonly string[]) => createHash('sha256').update(JSON.stringify(versions)).digest('hex');

function directions(text: string, file: string): { up: string; down: string | null } {
  const [head, up, down, ...more] = text.split(/^-- migrate:(?:up|down).*$/m);
  const refuse = (message: string) => new FaberError({ code: 'plan_failed', message: `${file} ${message}. Nothing was changed.`, suggestions: [`Mend ${file}`] });
  if (up === undefined || head?.trim() !== '' || more.length > 0) throw refuse('is not one -- migrate:up and at most one -- migrate:down');
  if (/^-- migrate:(up|down).*transaction:false/m.test(text)) throw refuse('has a direction that no transaction can hold, which this example does not run');
  return { up, down: down?.trim() ? down : null };
}
