/** Drift of MySQL: the server's definitions of its objects, compared with those in a scratch database that the migrations made. */
import type { DriftDifference } from '../../../contract/drift.js';
import { FaberError } from '../../../contract/failure.js';
import { barrier } from '../../barrier.js';
import { ScriptError, type DatabaseHandler, type SchemaFact } from '../../database/contract.js';
import { maskStatement } from '../../database/mysql/tokens.js';
import { redactor } from '../../redact.js';
import type { DriftHandler, DriftRequest, FoundDrift } from '../contract.js';

const MOST_NOTES = 10;
/** Of one definition. */
const LONGEST = 2_000;
/** Their bodies are code, in which a literal may be a password. */
const CODE = new Set(['view', 'trigger', 'procedure', 'function', 'event']);

export class MysqlDriftHandler implements DriftHandler {
  constructor(private readonly database: DatabaseHandler) {}

  async find({ target, tool, settings, migrations, id, signal, progress }: DriftRequest): Promise<FoundDrift> {
    const own = tool.ownTables(settings);
    let leftOut: string[] = [];
    try {
      const made = await this.database.withScratch(target, { id, signal }, async (scratch) => {
        progress?.(`Applying ${migrations.length} migration(s) to a scratch database`);
        leftOut = await tool.makeSchema(migrations, scratch, settings, signal);
        await barrier('in-drift', signal);
        return this.database.schemaFacts(scratch, own);
      });
      progress?.('Reading the schema of the database');
      const there = await this.database.schemaFacts(target.within(signal), own);
      const notes = leftOut.slice(0, MOST_NOTES).map((what) => `Not run again in the scratch database: ${what}`);
      if (leftOut.length > MOST_NOTES) notes.push(`… and ${leftOut.length - MOST_NOTES} more`);
      return { differences: differences(made, there).map((one) => shown(one, redactor(target.secrets))), notes };
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      throw new FaberError({
        code: 'plan_failed',
        message: `A scratch database could not be made or used (${error.failure.sqlState ?? 'no SQLSTATE'}: ${error.message}). The database was not changed.`,
        suggestions: ['Look at what the server says, and try again'],
      }, { cause: error });
    }
  }
}

/** Who defined a view or a routine is no part of what migrations make: they run as whoever runs them. */
function comparable({ kind, definition }: SchemaFact): string {
  // The position of a column is told by the order of all: one more would change every one behind it.
  if (kind === 'column') return definition.replace(/^\d+ /, '');
  if (!CODE.has(kind)) return definition;
  return definition.replace(/ DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`/, '').split('\n').slice(0, -1).join('\n');
}

function differences(made: readonly SchemaFact[], there: readonly SchemaFact[]): DriftDifference[] {
  const [inMigrations, inDatabase] = [made, there].map((facts) => new Map(facts.map((fact) => [`${fact.kind} ${fact.name}`, fact])));
  const found: DriftDifference[] = [];
  for (const object of [...new Set([...inMigrations!.keys(), ...inDatabase!.keys()])].sort()) {
    const [before, now] = [inMigrations!.get(object), inDatabase!.get(object)];
    if (before && now && comparable(before) === comparable(now)) continue;
    // Of a table that is on one side alone, the table is told, not each of its columns.
    const table = /^(?:column|index|constraint) ([^.]+)\./.exec(object)?.[1];
    if (table !== undefined && !(inMigrations!.has(`table ${table}`) && inDatabase!.has(`table ${table}`))) continue;
    found.push({
      object, sql: null, difference: before && now ? 'changed' : before ? 'not_in_database' : 'not_in_migrations',
      in_migrations: before ? comparable(before) : null, in_database: now ? comparable(now) : null,
    });
  }
  return [...found, ...otherOrders(made, there)];
}

/** Columns that are on both sides, in another order. */
function otherOrders(made: readonly SchemaFact[], there: readonly SchemaFact[]): DriftDifference[] {
  const names = (facts: readonly SchemaFact[]) => facts.flatMap(({ kind, name }) => (kind === 'column' ? [name] : []));
  const [before, now] = [names(made), names(there)];
  return made.filter(({ kind }) => kind === 'table').flatMap(({ name }): DriftDifference[] => {
    const of = (all: string[], other: string[]) => all.filter((column) => column.startsWith(`${name}.`) && other.includes(column)).join(', ');
    const [inMigrations, inDatabase] = [of(before, now), of(now, before)];
    return inMigrations === inDatabase ? [] : [{ object: `table ${name}`, difference: 'changed', sql: null, in_migrations: `columns in this order: ${inMigrations}`, in_database: `columns in this order: ${inDatabase}` }];
  });
}

function shown(difference: DriftDifference, redact: (text: string) => string): DriftDifference {
  const code = CODE.has(difference.object.split(' ', 1)[0]!);
  const show = (sql: string | null) => {
    if (sql === null) return null;
    const safe = redact(code ? maskStatement(sql) : sql);
    return safe.length > LONGEST ? `${safe.slice(0, LONGEST)}\n-- … and ${safe.length - LONGEST} characters more` : safe;
  };
  const [before, now] = [show(difference.in_migrations), show(difference.in_database)];
  const alike = difference.difference === 'changed' && before === now;
  return { ...difference, object: redact(difference.object), in_migrations: before, in_database: alike ? `-- Differs where literals are masked, in its position, or further on\n${now}` : now };
}
