/**
 * Exchanges the tables of the database beside with those that serve, all in one RENAME TABLE. MySQL cannot rename a database, nor move a
 * table that has triggers, and its views, routines and events do not move at all: they are dropped and made again by what was written
 * down before, on both sides. What was replaced is kept in a database of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../../contract/failure.js';
import { barrier } from '../../../barrier.js';
import { ScriptError, type Session } from '../../../database/contract.js';
import { createLike } from '../../../database/mysql/beside/scratch.js';
import { ensureTables, tableOf } from '../../../database/mysql/bookkeeping-tables.js';
import { isLockRefusal } from '../../../database/mysql/changing-session.js';
import { createDatabase } from '../../../database/mysql/create-database.js';
import { keptName, quoted, sideName } from '../../../database/mysql/names.js';
import { openRegistered } from '../../../database/mysql/registered-session.js';
import { tablesIn } from '../../../database/mysql/schema-objects.js';
import { purposeName, withSession, type MysqlSession } from '../../../database/mysql/session.js';
import type { MysqlTarget } from '../../../database/mysql/url.js';
import { codeIn, dropCode, makeCode } from './code.js';
import { forgetExchange, readExchange, writeExchange, type Exchange } from './exchange-record.js';
import { restoreFailure } from './failure.js';
import { requireVisible } from './snapshot.js';

/** How long the tables are asked for, in tries of a few seconds: while one waits, the application waits behind it. */
const PATIENCE_MS = 60_000;
const ONE_TRY = 3;

/** See `BackupHandler.swap`. */
export async function swap(target: MysqlTarget, operationId: string, guard: (replaced: Session | null) => Promise<void>, signal: AbortSignal): Promise<{ kept_as: string | null }> {
  let refusal: { error: unknown } | null = null;
  try {
    signal.throwIfAborted();
    await createDatabase(target);
    await ensureTables(target);
    // Registered: whoever takes the fence ends it, and with it what it is about to do.
    const session = await openRegistered(target, operationId, 'swap');
    try {
      await requireFence(session, target, operationId);
      const found = await readExchange(session, target, operationId);
      const exchange = found && { ...found, state: await stateOf(session, found) };
      if (exchange && exchange.state !== 'prepared') return await finish(session, target, operationId, exchange);
      const prepared = exchange ?? await prepare(session, target, operationId);
      await guard(session).catch((error: unknown) => {
        refusal = { error };
        throw error;
      });
      signal.throwIfAborted();
      await exchangeTables(session, target, prepared, operationId, signal);
      return await finish(session, target, operationId, { ...prepared, state: 'exchanged' });
    } finally {
      await session.close();
    }
  } catch (error) {
    if (refusal !== null) throw (refusal as { error: unknown }).error as Error;
    throw restoreFailure(error, 'restore_failed', `${target.database} was not replaced`, target, signal);
  }
}

/** An attempt that stood still for long may wake up after another operation has taken over. */
async function requireFence(session: MysqlSession, target: MysqlTarget, operationId: string): Promise<void> {
  const [holder] = await session.query<{ operation_id: string | null }>(`SELECT operation_id FROM ${tableOf(target, 'fence')}`);
  if (holder?.operation_id == null || holder.operation_id === operationId) return;
  throw new FaberError({ code: 'fenced_off', message: `The operation ${holder.operation_id} has taken over the database. Nothing was exchanged`, result: { holder: holder.operation_id } });
}

const movable = async (session: Session, database: string) => (await tablesIn(session, database)).filter(({ kind }) => kind !== 'view').map(({ name }) => name);

async function prepare(session: MysqlSession, target: MysqlTarget, operationId: string): Promise<Exchange> {
  const side = sideName(target.database, operationId);
  const [there] = await session.query('SELECT 1 FROM information_schema.schemata WHERE schema_name = ?', [side]);
  if (!there) throw new FaberError({ code: 'restore_failed', message: `There is no restored database ${side} to put in the place of ${target.database}`, result: { reason: 'nothing was restored' } });
  const plan = {
    live: await movable(session, target.database), side: await movable(session, side),
    liveCode: await codeIn(target), sideCode: await codeIn(target.withDatabase(side)),
  };
  requireVisible([...plan.liveCode, ...plan.sideCode], target);
  const exchange: Exchange = { side, kept: keptName(target.database, operationId), plan, state: 'prepared' };
  await writeExchange(session, target, operationId, exchange);
  return exchange;
}

/** By where the tables are: the record is written after the exchange, and a crash may come between. */
export async function stateOf(session: Session, { side, kept, plan, state }: Exchange): Promise<Exchange['state']> {
  if (state !== 'prepared') return state;
  const [inSide, inKept] = [await movable(session, side), await movable(session, kept)];
  if (plan.side.length > 0) return plan.side.every((name) => inSide.includes(name)) ? 'prepared' : 'exchanged';
  return plan.live.length > 0 && plan.live.every((name) => inKept.includes(name)) ? 'exchanged' : 'prepared';
}

async function exchangeTables(session: MysqlSession, target: MysqlTarget, exchange: Exchange, operationId: string, signal: AbortSignal): Promise<void> {
  const { kept, plan } = exchange;
  const [there] = await session.query('SELECT 1 FROM information_schema.schemata WHERE schema_name = ?', [kept]);
  if (!there) await createLike(session, target, kept);
  await barrier('swap-before-renames', signal);
  await session.query(`SET SESSION lock_wait_timeout = ${ONE_TRY}`);
  await requireSameTables(session, target, plan.live);
  const begun = performance.now();
  for (;;) {
    signal.throwIfAborted();
    await requireFence(session, target, operationId);
    try {
      await renameAll(session, target, exchange);
      break;
    } catch (error) {
      // Ended by whoever has taken over: what is missing is theirs to make, by the record.
      if (error instanceof ScriptError && error.failure.connectionLost) throw error;
      // No try leaves the application without its triggers while it waits for the next.
      await makeCode(target, plan.liveCode, 'leave');
      if (!isLockRefusal(error)) throw error;
      if (performance.now() - begun > PATIENCE_MS) throw stillHeld(target, error);
      await sleep(300 + Math.random() * 700, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
  await barrier('swap-after-renames', signal);
  await writeExchange(session, target, operationId, { ...exchange, state: 'exchanged' });
}

/** A table that has triggers does not move, and a view must not stand where a table comes. */
async function renameAll(session: MysqlSession, target: MysqlTarget, { side, kept, plan }: Exchange): Promise<void> {
  await dropCode(session, side, plan.sideCode.filter(({ kind }) => kind === 'trigger'));
  await dropCode(session, target.database, plan.liveCode.filter(({ kind, name }) => kind === 'trigger' || (kind === 'view' && plan.side.includes(name))));
  const move = (from: string, to: string) => (name: string) => `${quoted(from)}.${quoted(name)} TO ${quoted(to)}.${quoted(name)}`;
  const moves = [...plan.live.map(move(target.database, kept)), ...plan.side.map(move(side, target.database))];
  if (moves.length > 0) await session.query(`RENAME TABLE ${moves.join(', ')}`);
}

async function requireSameTables(session: MysqlSession, target: MysqlTarget, planned: readonly string[]): Promise<void> {
  const now = await movable(session, target.database);
  const other = [...now.filter((name) => !planned.includes(name)), ...planned.filter((name) => !now.includes(name))];
  if (other.length > 0) throw new FaberError({ code: 'restore_failed', message: `${target.database} was changed by someone else meanwhile (${other.slice(0, 5).join(', ')}). Nothing was exchanged`, result: { reason: 'tables came or went meanwhile' } });
}

function stillHeld(target: MysqlTarget, cause: unknown): FaberError {
  const reason = 'a transaction of the application held a table for a minute';
  return new FaberError({ code: 'restore_failed', message: `${target.database} was not replaced: ${reason}. Nothing was exchanged`, result: { reason }, suggestions: ['End the long transactions (SHOW PROCESSLIST, KILL), or stop the application, and start again'] }, { cause });
}

/** The tables are exchanged: whatever is missing is made, again and again if need be. */
async function finish(session: MysqlSession, target: MysqlTarget, operationId: string, exchange: Exchange): Promise<{ kept_as: string | null }> {
  const { side, kept, plan } = exchange;
  const keptAs = plan.live.length + plan.liveCode.length > 0 ? kept : null;
  if (exchange.state === 'done') return { kept_as: keptAs };
  await requireFence(session, target, operationId);
  const missing = await makeCode(target, plan.sideCode, 'drop');
  if (missing.length > 0) {
    throw new FaberError({
      code: 'restore_failed',
      message: `The tables of ${target.database} were exchanged, but not everything that goes with them could be made: ${missing.slice(0, 5).join('; ')}. What was replaced is kept in ${kept}`,
      result: { reason: 'objects are missing', missing },
      suggestions: ['Give the user of the URL the right that is missing, and try again: it goes on from here'],
    });
  }
  // Of the kept database only what is of use to look at; an event would run.
  await makeCode(target.withDatabase(kept), plan.liveCode.filter(({ kind }) => kind !== 'event'), 'leave');
  await withSession(target, purposeName('restore'), (other) => other.query(`DROP DATABASE IF EXISTS ${quoted(side)}`));
  await writeExchange(session, target, operationId, { ...exchange, state: 'done' });
  return { kept_as: keptAs };
}

/** See `BackupHandler.cleanUp`. An exchange that was not made is taken back, one that was made is finished. */
export async function settleExchange(session: MysqlSession, target: MysqlTarget, operationId: string): Promise<void> {
  const found = await readExchange(session, target, operationId);
  if (!found) return;
  const state = await stateOf(session, found);
  if (state === 'exchanged') return void (await finish(session, target, operationId, { ...found, state }));
  if (state === 'done') return;
  await makeCode(target, found.plan.liveCode, 'leave');
  if ((await movable(session, found.kept)).length === 0) await session.query(`DROP DATABASE IF EXISTS ${quoted(found.kept)}`);
  await forgetExchange(session, target, operationId);
}
