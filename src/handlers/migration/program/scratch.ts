/** Programs on a scratch database: what they send, and the schema that they make. */
import { FaberError } from '../../../contract/failure.js';
import type { Settings } from '../../../contract/settings.js';
import { ScriptError, type ConnectionTarget } from '../../database/contract.js';
import type { Migration, TriedProgram, TryOutInput } from '../contract.js';
import { toldOf } from './failure.js';
import { compare, ledgerOf } from './ledger.js';
import { filesOf, groupOf, runOnDatabase, type Programs, type RunEnd } from './session.js';
import { stateOf, succeeded, type Direction } from './step.js';

interface Ran { end: RunEnd; failedAt: number | null; why: string | null }

/** One process for all of them; it stops at the first that fails. */
async function runAll(programs: Programs, migrations: readonly Migration[], direction: Direction, on: { scratch: ConnectionTarget; settings: Settings; signal: AbortSignal }): Promise<Ran> {
  const { scratch: target, settings, signal } = on;
  let done = 0;
  const end = await runOnDatabase(programs, {
    target, settings, signal, timeoutSeconds: settings.migrations.timeout_seconds,
    job: { kind: 'run', groups: migrations.map((migration) => groupOf(settings, migration, direction)), files: filesOf(settings, migrations), scratch: true },
    around: async ({ moment }) => {
      if (moment === 'after') done += 1;
    },
  });
  if (succeeded(end)) return { end, failedAt: null, why: null };
  const { failure } = await toldOf(end, programs.system, { secrets: end.secrets, timeoutSeconds: settings.migrations.timeout_seconds });
  return { end, failedAt: done, why: `${failure.sqlState === null ? '' : `${failure.sqlState}: `}${failure.message}` };
}

/** @throws FaberError plan_failed when one fails on an empty database */
export async function makeSchema(programs: Programs, migrations: readonly Migration[], scratch: ConnectionTarget, settings: Settings, signal: AbortSignal, direction: Direction = 'up'): Promise<string[]> {
  if (migrations.length === 0) return [];
  const { end, failedAt, why } = await runAll(programs, migrations, direction, { scratch, settings, signal });
  if (failedAt === null) return end.leftOut.map(({ step, what }) => `${step}: ${what}`);
  const { file } = migrations[Math.min(failedAt, migrations.length - 1)]!;
  throw new FaberError({
    code: 'plan_failed',
    message: `${file} fails on an empty database (${why}). Nothing was changed.`,
    suggestions: [`Mend ${file}: from an empty database the migrations must run to their end, in order`],
  });
}

/** See `MigrationHandler.tryOut`. */
export async function tryOut(programs: Programs, migrations: readonly Migration[], target: ConnectionTarget, settings: Settings, input: TryOutInput): Promise<Migration[]> {
  const ledger = ledgerOf(await stateOf(programs, { target, settings }).catch(() => ({ rows: null, last: new Map() })));
  const status = compare(migrations, ledger);
  const applied = migrations.filter(({ name }) => status.applied.includes(name));
  const pending = migrations.filter(({ name }) => !status.applied.includes(name));
  const undone = input.undone.flatMap((name) => migrations.filter((migration) => migration.name === name));
  const wanted = undone.length > 0 ? undone.toReversed() : pending;
  if (wanted.length === 0) return [...migrations];
  try {
    const tried = await programs.database.withScratch(target, { id: input.operationId, signal: input.signal }, async (scratch) => {
      input.onProgress(`Trying ${applied.length + (undone.length > 0 ? 0 : pending.length)} migration(s) on a scratch database`);
      return tryOn(programs, undone.length > 0 ? applied : [...applied, ...pending], wanted, { scratch, settings, signal: input.signal });
    });
    return migrations.map((migration) => {
      const found = tried.get(migration.name);
      return found === undefined ? migration : { ...migration, program: { ...migration.program!, tried: found } };
    });
  } catch (error) {
    // The plan says that it was not found out.
    if (input.signal.aborted || !(error instanceof ScriptError || error instanceof FaberError) || (error instanceof FaberError && error.code === 'target_mismatch')) throw error;
    return [...migrations];
  }
}

async function tryOn(programs: Programs, all: readonly Migration[], wanted: readonly Migration[], on: Parameters<typeof runAll>[3]): Promise<Map<string, TriedProgram>> {
  const up = await runAll(programs, all, 'up', on);
  const found = new Map<string, TriedProgram>();
  for (const migration of wanted) {
    const at = all.indexOf(migration);
    if (up.failedAt !== null && at > up.failedAt) continue;
    found.set(migration.name, { up: sentBy(up.end, at), down: null, failed: at === up.failedAt ? up.why : null });
  }
  // Where one failed without a transaction, what is there is not known.
  if (up.failedAt !== null && all[up.failedAt]?.program?.transaction !== 'transactional') return found;
  const ran = wanted.filter((migration) => up.failedAt === null || all.indexOf(migration) < up.failedAt);
  const downs = takeWhile(ran.toReversed(), ({ down }) => down !== null);
  const down = downs.length === 0 ? null : await runAll(programs, downs, 'down', on);
  for (const [at, { name }] of downs.entries()) if (down?.failedAt == null || at < down.failedAt) found.get(name)!.down = sentBy(down!.end, at);
  return found;
}

const sentBy = ({ statements }: RunEnd, group: number) => statements.filter((statement) => statement.group === group).map(({ sql }) => sql);

function takeWhile<T>(all: readonly T[], holds: (one: T) => boolean): T[] {
  const end = all.findIndex((one) => !holds(one));
  return end < 0 ? [...all] : all.slice(0, end);
}
