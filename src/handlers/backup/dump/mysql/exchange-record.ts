/** What an exchange is about to do, kept in our bookkeeping: a crash in the middle is repaired by it. */
import type { Session } from '../../../database/contract.js';
import { tableOf } from '../../../database/mysql/bookkeeping-tables.js';
import type { CodeObject } from '../../../database/mysql/schema-objects.js';
import type { MysqlTarget } from '../../../database/mysql/url.js';

export interface ExchangePlan {
  /** Tables and sequences of the database that serves, and of the one beside. */
  live: string[];
  side: string[];
  /** Views, triggers, routines and events of both. */
  liveCode: CodeObject[];
  sideCode: CodeObject[];
}

/** prepared: the tables may not have been exchanged yet; exchanged: they have, code may be missing; done. */
export type ExchangeState = 'prepared' | 'exchanged' | 'done';

export interface Exchange { side: string; kept: string; plan: ExchangePlan; state: ExchangeState }

export async function readExchange(session: Session, target: MysqlTarget, operationId: string): Promise<Exchange | null> {
  const [row] = await session.query<{ side: string; kept: string; plan: string; state: ExchangeState }>(`SELECT side, kept, plan, state FROM ${tableOf(target, 'exchanges')} WHERE operation_id = ?`, [operationId]);
  return row ? { ...row, plan: JSON.parse(row.plan) as ExchangePlan } : null;
}

export async function writeExchange(session: Session, target: MysqlTarget, operationId: string, { side, kept, plan, state }: Exchange): Promise<void> {
  await session.query(`REPLACE INTO ${tableOf(target, 'exchanges')} (operation_id, side, kept, plan, state, at) VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(6))`, [operationId, side, kept, JSON.stringify(plan), state]);
}

export async function forgetExchange(session: Session, target: MysqlTarget, operationId: string): Promise<void> {
  await session.query(`DELETE FROM ${tableOf(target, 'exchanges')} WHERE operation_id = ?`, [operationId]);
}
