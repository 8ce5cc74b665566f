/** Takes back what ran of a script that failed, by the reverses of its statements, only where each has one that is sure to lose nothing. */
import { FaberError } from '../../../../contract/failure.js';
import { barrier } from '../../../barrier.js';
import { ScriptError, type ScriptFailure } from '../../../database/contract.js';
import { retryingLocks, withChangingSession } from '../../../database/mysql/changing-session.js';
import { checkFence, lockFence } from '../../../database/mysql/fence.js';
import { inPlainTransaction, type MysqlSession } from '../../../database/mysql/session.js';
import type { Change } from './change.js';
import { plain } from './effects.js';
import { tookEffect } from './look.js';
import { forgetScript, mark, readProgress, recordFailure, type Progress } from './progress.js';
import { reverseOf, type Reverse } from './reverse.js';
import type { ScriptRun } from './run.js';
import { definitionsOf } from './touched.js';

/** Ours alone: what is taken back was made a moment ago, and a lock that is held for longer is told. */
const LIMIT_SECONDS = 300;

/**
 * In spite of a cancel. Done by half before: it goes on.
 * @returns null when everything is as before the script, else what is left, in words, for a person
 * @throws FaberError fenced_off; ScriptError with connectionLost, after which the next attempt goes on
 */
export async function takeBack(run: ScriptRun, failure: ScriptFailure): Promise<string[] | null> {
  const { target, fence, key, script } = run;
  const options = { ...run.options, signal: new AbortController().signal, timeoutSeconds: Math.max(LIMIT_SECONDS, run.options.timeoutSeconds) };
  return withChangingSession(target, fence, options, async (session) => {
    await checkFence(session, target, fence);
    const progress = await readProgress(session, target, key, script);
    // It failed before anything of it was recorded.
    if (progress === null) return null;
    await recordFailure(session, target, key, failure);
    const left = await reverseAll({ ...run, options }, session, progress);
    if (left.length > 0) return left;
    await inPlainTransaction(session, async () => {
      await lockFence(session, target, fence);
      await forgetScript(session, target, key);
      await run.record.takenBack(session);
    });
    return null;
  });
}

async function reverseAll(run: ScriptRun, session: MysqlSession, progress: Progress): Promise<string[]> {
  const { target, plan, script } = run;
  const { database } = target;
  const left: string[] = [];
  const ran: number[] = [];
  for (const [at, { state, facts }] of [...progress.statements].sort(([a], [b]) => a - b)) {
    if (state === 'done' || state === 'undoing') ran.push(at);
    if (state !== 'begun') continue;
    // The server said that it failed, or it was cut off: what is as it was right before has not happened.
    const took = await tookEffect(session, database, plan.changes[at]!, facts);
    if (took === 'yes') ran.push(at);
    if (took === 'unknown') left.push(`${inWords(plan.changes[at]!)} (line ${script.statements[at]!.line}): whether it took effect, in whole or in part, is not known`);
  }
  const facts = {
    database,
    before: progress.before,
    now: await definitionsOf(session, database, plan.changes),
    fresh: new Set(ran.flatMap((at) => {
      const change = plan.changes[at]!;
      return change.kind === 'create_table' && progress.before[`table ${plain(change.table)}`] == null ? [plain(change.table)] : [];
    })),
  };
  const reverses = ran.toReversed().map((at) => ({ at, reverse: reverseOf(plan.changes[at]!, facts) }));
  const ranWords = () => ran.map((at) => `${inWords(plan.changes[at]!)} (line ${script.statements[at]!.line}) ran`);
  if (left.length > 0) return [...ranWords(), ...left];
  const without = reverses.find(({ reverse }) => reverse === null);
  if (without) return [...ranWords(), `${inWords(plan.changes[without.at]!)} (line ${script.statements[without.at]!.line}) has no reverse that is sure to lose nothing`];
  for (const { at, reverse } of reverses) {
    const refused = await reverseOne(run, session, progress, at, reverse!);
    if (refused !== null) return [...ran.filter((one) => one <= at).map((one) => `${inWords(plan.changes[one]!)} (line ${script.statements[one]!.line}) ran and was not taken back`), refused];
  }
  const now = await definitionsOf(session, database, plan.changes);
  const other = Object.keys(progress.before).filter((name) => (now[name] ?? null) !== progress.before[name]);
  return other.length === 0 ? [] : [`every statement was taken back, but ${other.join(', ')} is not as before`];
}

/** @returns why it was not taken back, or null */
async function reverseOne(run: ScriptRun, session: MysqlSession, progress: Progress, at: number, reverse: Reverse): Promise<string | null> {
  const { target, fence, key, script, plan } = run;
  const { text } = script.statements[at]!;
  const change = plan.changes[at]!;
  const known = progress.statements.get(at);
  const cut = known?.state === 'undoing' && !same(await definitionsOf(session, target.database, [change]), known.facts);
  if (reverse.sql !== null && !cut) {
    await mark(session, target, fence, key, at, text, 'undoing', await definitionsOf(session, target.database, [change]));
    try {
      await retryingLocks(run.options, () => runHeld(session, reverse, async () => {
        await barrier('mysql-before-reverse');
        await session.query(reverse.sql!);
      }));
    } catch (error) {
      if (error instanceof FaberError && error.code !== 'fenced_off') return `${inWords(change)}: ${error.message}`;
      if (!(error instanceof ScriptError) || error.failure.connectionLost) throw error;
      return `${inWords(change)}: its reverse failed (${error.message})`;
    }
  }
  await mark(session, target, fence, key, at, text, 'undone');
  return null;
}

/**
 * Runs `work` while nobody else can write to the tables, and only if the checks find nothing.
 * @throws FaberError would_lose_data
 */
export async function runHeld(session: MysqlSession, { lock, checks }: Pick<Reverse, 'lock' | 'checks'>, work: () => Promise<void>): Promise<void> {
  try {
    if (lock.length > 0) await session.query(`LOCK TABLES ${lock.map((table) => `${table} WRITE`).join(', ')}`);
    for (const check of checks) {
      if ((await session.query(check)).length > 0) throw new FaberError({ code: 'would_lose_data', message: `It holds rows or values that would be lost (${lock.join(', ')})` });
    }
    await work();
  } finally {
    if (lock.length > 0) await session.query('UNLOCK TABLES').catch((error: unknown) => {
      if (!(error instanceof ScriptError)) throw error;
    });
  }
}

const same = (one: Record<string, string | null>, other: Record<string, string | null>) => Object.keys(one).every((key) => (one[key] ?? null) === (other[key] ?? null));

/** A statement as people say it, without its values. */
export function inWords(change: Change): string {
  switch (change.kind) {
    case 'create_table':
      return `CREATE TABLE ${plain(change.table)}`;
    case 'drop_tables':
      return `DROP TABLE ${change.tables.map(plain).join(', ')}`;
    case 'alter_table':
      return `ALTER TABLE ${plain(change.table)}`;
    case 'create_index':
      return `CREATE INDEX ${change.index} on ${plain(change.table)}`;
    case 'drop_index':
      return `DROP INDEX ${change.index} on ${plain(change.table)}`;
    case 'rename_tables':
      return `RENAME TABLE ${change.pairs.map(([from, to]) => `${plain(from)} to ${plain(to)}`).join(', ')}`;
    case 'create_code':
      return `CREATE ${change.of.toUpperCase()} ${plain(change.name)}`;
    case 'drop_code':
      return `DROP ${change.of.toUpperCase()} ${plain(change.name)}`;
    case 'truncate':
      return `TRUNCATE ${plain(change.table)}`;
    case 'rows':
      return `${change.verb}${change.table === null ? '' : ` of ${plain(change.table)}`}`;
    case 'use':
      return `USE ${change.database}`;
    case 'outside': case 'other':
      return change.what;
    case 'reads': case 'sets': case 'nothing': case 'transaction':
      return 'A statement of the session';
  }
}
