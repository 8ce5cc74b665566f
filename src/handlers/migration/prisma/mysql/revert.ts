/** Undoes one migration by its down script. */
import { FaberError } from '../../../../contract/failure.js';
import type { DatabaseHandler, Session } from '../../../database/contract.js';
import { recordStep } from '../../../database/mysql/transaction.js';
import { mysqlTarget } from '../../../database/mysql/url.js';
import type { MysqlSession } from '../../../database/mysql/session.js';
import type { Migration, StepContext, StepOutcome } from '../../contract.js';
import { scriptEffects } from '../../script/mysql/effects.js';
import type { Change } from '../../script/mysql/change.js';
import { lossChecks, refuseLosses, wouldLose } from '../../script/mysql/losses.js';
import { planScript } from '../../script/mysql/plan.js';
import { runScript } from '../../script/mysql/run.js';
import { parseScript } from '../../script/mysql/statements.js';
import { otherRunner } from '../conflict.js';
import { since } from '../step.js';
import { refusalOf } from './apply.js';
import { openRows, PRISMA_LOCK, recordRolledBack, type OpenRow } from './ledger-table.js';

type RevertContext = StepContext & { refuseLosses?: { operationId: string } | null };

/**
 * Runs the down script statement by statement, as an up; the ledger row is marked as rolled back together with its end. No finished row:
 * it was reverted before (`already`).
 * @throws FaberError would_lose_data; unsupported without a down script; history_conflict for a half-applied migration; lock_timeout, fenced_off
 */
export async function revertMigration(database: DatabaseHandler, migration: Migration, context: RevertContext): Promise<StepOutcome> {
  const started = performance.now();
  if (!migration.down) throw noDown(migration.name);
  const script = parseScript(migration.down);
  const plan = planScript(script);
  const refusal = refusalOf(script, plan);
  if (refusal) return { status: 'failed', failure: refusal, detail: refusal.message, duration_ms: since(started), halfApplied: false };
  const target = mysqlTarget(context.target);
  const { fence, refuseLosses: refuses } = context;
  const row = await finishedRow(database, context, migration.name);
  if (!row) return { status: 'already', duration_ms: since(started) };
  if (refuses) await withReader(database, context, (session) => refuseLosses(session, target.database, migration.name, parseScript(migration.up), script));
  const destroying = new Set(scriptEffects(script).filter(({ destroys }) => destroys !== 'no').map(({ line }) => line));
  const lineOf = (change: Change) => script.statements[plan.changes.indexOf(change)]!.line;
  const end = await runScript({
    target, fence, key: `${row.id} down`, migration: migration.name, script, plan,
    options: { ...context, toolLock: PRISMA_LOCK, timeoutSeconds: context.concurrentTimeoutSeconds },
    record: {
      begin: (session) => requireFinished(session, target.database, migration.name, row),
      async finish(session) {
        await recordRolledBack(session, target.database, row.id);
        await recordStep(session, target, fence, { migration: migration.name, action: 'reverted', ledgerId: row.id });
      },
      takenBack: async () => {},
    },
    ...(refuses && { guard: (session: MysqlSession, change: Change) => hold(session, lossChecks(target.database, migration.name, change, destroying.has(lineOf(change))), migration.name) }),
  });
  if (end.status === 'done') return { status: 'reverted', duration_ms: since(started) };
  const told = { status: 'failed' as const, failure: { ...end.failure, connectionLost: false }, detail: end.detail, duration_ms: since(started) };
  return end.halfApplied ? { ...told, halfApplied: true, leftovers: end.leftovers } : { ...told, halfApplied: false };
}

/** Holds the tables against every writer until the statement is over, and looks once more. */
async function hold(session: MysqlSession, { lock, checks }: { lock: string[]; checks: string[] }, name: string): Promise<{ release(): Promise<void> } | null> {
  if (lock.length === 0) return null;
  const release = async () => void (await session.query('UNLOCK TABLES').catch(() => []));
  try {
    await session.query(`LOCK TABLES ${lock.map((table) => `${table} WRITE`).join(', ')}`);
    for (const check of checks) if ((await session.query(check)).length > 0) throw wouldLose(name, `${lock.join(', ')} holds what others may have written`);
    return { release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function finishedRow(database: DatabaseHandler, context: StepContext, name: string): Promise<OpenRow | undefined> {
  const rows = await withReader(database, context, (session) => openRows(session, context.target.database, name));
  if (rows.some((row) => !row.finished)) throw otherRunner(name);
  return rows[0];
}

async function requireFinished(session: Session, database: string, name: string, row: OpenRow): Promise<void> {
  if (!(await openRows(session, database, name)).some(({ id, finished }) => id === row.id && finished)) throw otherRunner(name);
}

async function withReader<T>(database: DatabaseHandler, { target }: StepContext, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await database.connect(target, 'read revert');
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

function noDown(name: string): FaberError {
  return new FaberError({
    code: 'unsupported',
    message: `${name} has no down.sql, so it cannot be reverted by a script. Nothing was changed.`,
    suggestions: [`Write down.sql beside the migration.sql of ${name}, or restore a backup.`],
  });
}
