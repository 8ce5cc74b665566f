/** Tries a new migration on a scratch database that holds the schema of all others: up, down, up again. */
import { FaberError } from '../../../../contract/failure.js';
import type { Finding } from '../../../../contract/plan.js';
import { ScriptError, type ConnectionTarget, type DatabaseHandler, type ScriptFailure } from '../../../database/contract.js';
import { differences, listed, schemaOf } from '../../schema-difference.js';
import type { ScriptGeneration } from '../runner.js';

export interface Trial {
  database: DatabaseHandler;
  scratch: ConnectionTarget;
  generation: ScriptGeneration;
  /** Whether the schema is now what the datamodel says: what the engine would still change. */
  stillDifferent: () => Promise<string>;
}

/**
 * @returns why the down is not to be kept, as a finding; none when it is right. Differences that no query sees (the order of
 *   columns) are told and not held against it.
 * @throws FaberError plan_failed: the up fails, or does not lead to the datamodel.
 */
export async function tryScripts(trial: Trial, up: string, down: string): Promise<{ keepDown: boolean; findings: Finding[] }> {
  const { database, scratch, stillDifferent } = trial;
  const before = await schemaOf(database, scratch);
  const failed = await run(trial, up);
  if (failed) throw upFails(failed);
  const left = await stillDifferent();
  if (left !== '') throw doesNotArrive(left);
  const after = await schemaOf(database, scratch);

  const downFailed = await run(trial, down);
  if (downFailed) return without(`it fails${place(downFailed)} (${told(downFailed)})`);
  const back = await schemaOf(database, scratch);
  const lines = differences(before, back);
  if (lines.length > 0) return without(`it leaves another schema than there was: ${listed(lines)}`);
  const again = await run(trial, up);
  if (again) return without(`the migration fails when it runs again after it${place(again)} (${told(again)})`);
  const twice = differences(after, await schemaOf(database, scratch));
  if (twice.length > 0) return without(`the migration makes another schema when it runs again after it: ${listed(twice)}`);
  const moved = before.exact !== back.exact;
  return { keepDown: true, findings: moved ? [{ level: 'info', message: 'down.sql brings columns back at the end of their table, not where they stood' }] : [] };
}

/** As a migration runs. @returns why it failed */
async function run({ database, scratch, generation }: Trial, script: string): Promise<ScriptFailure | null> {
  const session = await database.connect(scratch, 'compare');
  try {
    await generation.run(session, script);
    return null;
  } catch (error) {
    if (error instanceof ScriptError && !error.failure.connectionLost) return error.failure;
    throw error;
  } finally {
    await session.close();
  }
}

const place = ({ line }: ScriptFailure) => (line === null ? '' : ` in line ${line}`);
const told = ({ sqlState, message }: ScriptFailure) => `${sqlState ?? 'no SQLSTATE'}: ${message}`;

function without(why: string): { keepDown: boolean; findings: Finding[] } {
  return { keepDown: false, findings: [{ level: 'warning', message: `No down.sql was written: tried on a scratch database, ${why}. Write one by hand, or only a restore undoes this migration` }] };
}

/** A value that an enum gets cannot be used before it is committed: Prisma's own CLI would fail with the same script. */
const NOT_COMMITTED = '55P04';

function upFails(failure: ScriptFailure): FaberError {
  return new FaberError({
    code: 'plan_failed',
    message: `The migration that Prisma's engine makes fails on a scratch database${place(failure)} (${told(failure)}). Nothing was written.`,
    result: { statement: failure.statement },
    suggestions: failure.sqlState === NOT_COMMITTED
      ? ['Make two migrations of it: generate one with the new enum value alone, then use the value in the schema and generate the next']
      : ['Change the schema in smaller steps, or write this migration by hand'],
  });
}

function doesNotArrive(left: string): FaberError {
  const statements = left.split('\n').filter((line) => line.startsWith('-- ')).map((line) => line.slice(3));
  return new FaberError({
    code: 'plan_failed',
    message: `After the migration that Prisma's engine makes, it still sees a difference between database and schema (${listed(statements)}). Nothing was written.`,
    suggestions: ['`npx prisma db pull` shows how Prisma reads such a database; write this migration by hand'],
  });
}
