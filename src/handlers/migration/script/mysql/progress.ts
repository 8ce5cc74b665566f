/** What of a script has run, kept in our bookkeeping: the beginning of the whole, and each statement. */
import { createHash } from 'node:crypto';
import { FaberError } from '../../../../contract/failure.js';
import type { Fence, ScriptFailure, Session } from '../../../database/contract.js';
import { tableOf } from '../../../database/mysql/bookkeeping-tables.js';
import type { MysqlSession } from '../../../database/mysql/session.js';
import type { MysqlTarget } from '../../../database/mysql/url.js';
import type { Script } from './statements.js';
import type { Definitions } from './touched.js';

/** begun: its end is not known; done; nothing: it ran and changed no row; undoing: being taken back; undone: taken back, or it never took effect. */
export type StatementState = 'begun' | 'done' | 'nothing' | 'undoing' | 'undone';

export interface StatementProgress {
  state: StatementState;
  /** Definitions of what it changes, right before it (or its reverse) ran. */
  facts: Definitions;
}

export interface Progress {
  /** Definitions of what the script changes, before it began. */
  before: Definitions;
  statements: Map<number, StatementProgress>;
  /** Why it is being taken back; null: it goes on. */
  failure: { failure: ScriptFailure; detail: string } | null;
}

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** In the transaction that records that the script begins. */
export async function recordScript(session: Session, target: MysqlTarget, script: { key: string; operationId: string; migration: string; text: string; before: Definitions }): Promise<void> {
  await session.query(`DELETE FROM ${tableOf(target, 'statements')} WHERE ledger_id = ?`, [script.key]);
  await session.query(
    `REPLACE INTO ${tableOf(target, 'scripts')} (ledger_id, operation_id, migration, sha256, facts, begun_at) VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(6))`,
    [script.key, script.operationId, script.migration, digestOf(script.text), JSON.stringify(script.before)],
  );
}

/** From here on it only goes back. The detail, which may hold values, is not kept. */
export async function recordFailure(session: Session, target: MysqlTarget, key: string, failure: ScriptFailure): Promise<void> {
  await session.query(`UPDATE ${tableOf(target, 'scripts')} SET failure = ? WHERE ledger_id = ?`, [JSON.stringify(failure), key]);
}

/** Null: it was not begun. @throws FaberError history_conflict when another script was begun under this key */
export async function readProgress(session: Session, target: MysqlTarget, key: string, script: Script): Promise<Progress | null> {
  const [row] = await session.query<{ sha256: string; facts: string; failure: string | null }>(`SELECT sha256, facts, failure FROM ${tableOf(target, 'scripts')} WHERE ledger_id = ?`, [key]);
  if (!row) return null;
  if (row.sha256 !== digestOf(script.text)) {
    throw new FaberError({ code: 'history_conflict', message: 'Another script than the approved one was begun and not ended. Nothing more was run.', suggestions: ['Look at what ran, and settle the failed row with resolve.'] });
  }
  const rows = await session.query<{ position: number; state: StatementState; facts: string | null }>(`SELECT position, state, facts FROM ${tableOf(target, 'statements')} WHERE ledger_id = ?`, [key]);
  const failure = row.failure === null ? null : (JSON.parse(row.failure) as ScriptFailure);
  return {
    before: JSON.parse(row.facts) as Definitions,
    statements: new Map(rows.map(({ position, state, facts }) => [Number(position), { state, facts: JSON.parse(facts ?? '{}') as Definitions }])),
    failure: failure && { failure, detail: failure.message },
  };
}

/** The script is over, one way or the other. */
export async function forgetScript(session: Session, target: MysqlTarget, key: string): Promise<void> {
  await session.query(`DELETE FROM ${tableOf(target, 'statements')} WHERE ledger_id = ?`, [key]);
  await session.query(`DELETE FROM ${tableOf(target, 'scripts')} WHERE ledger_id = ?`, [key]);
}

/**
 * Keeps what became of a statement, only while the fence is ours.
 * @throws FaberError fenced_off
 */
export async function mark(session: MysqlSession, target: MysqlTarget, fence: Fence, key: string, position: number, text: string, state: StatementState, facts: Definitions = {}): Promise<void> {
  const told = JSON.stringify(facts);
  const written = await session.run(
    `INSERT INTO ${tableOf(target, 'statements')} (ledger_id, position, sha256, state, facts, at)
     SELECT ?, ?, ?, ?, ?, UTC_TIMESTAMP(6) FROM ${tableOf(target, 'fence')} WHERE token = ? ON DUPLICATE KEY UPDATE state = ?, facts = ?, at = UTC_TIMESTAMP(6)`,
    [key, position, digestOf(text), state, told, fence.token, state, told],
  );
  if (written > 0) return;
  throw new FaberError({ code: 'fenced_off', message: 'Another operation has taken over this database. Nothing more was run.', suggestions: [`Look at the operation that holds it: SELECT operation_id FROM ${tableOf(target, 'fence')}`] });
}
