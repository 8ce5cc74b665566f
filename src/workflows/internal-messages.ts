/**
 * What the signals between our own workflows carry. Anybody in the namespace can send one too, with any payload: what does
 * not fit is null here and dropped. A handler that threw would wedge the queue of a database, and with it every change.
 */
import type { ErrorResponse, Notification } from '../contract/index.js';
import type { LockRequest, Told } from './messages.js';

/** As operation.ts names changes. Nothing else may hold a database: a name the server refuses would wedge the queue. */
const CHANGE_ID = /^[^\p{Cc}]{1,960}\/change-[0-9a-f]{8}-\d{1,4}$/u;

const isObject = (payload: unknown): payload is Record<string, unknown> => typeof payload === 'object' && payload !== null && !Array.isArray(payload);

/** The id of the change that a payload names. */
export function changeIdIn(payload: unknown): string | null {
  const id = isObject(payload) ? payload['workflow_id'] : null;
  return typeof id === 'string' && CHANGE_ID.test(id) ? id : null;
}

export function lockRequestIn(payload: unknown): LockRequest | null {
  const workflow_id = changeIdIn(payload);
  if (workflow_id === null) return null;
  const { operation, environment } = payload as Record<string, unknown>;
  const isName = (value: unknown): value is string => typeof value === 'string' && value.length <= 200;
  return isName(operation) && isName(environment) ? { workflow_id, operation, environment } : null;
}

/** Whom a change waits behind. */
export function behindIn(payload: unknown): string[] | null {
  const behind = isObject(payload) ? payload['behind'] : null;
  return Array.isArray(behind) && behind.every((id) => typeof id === 'string') ? behind : null;
}

/** The answer of this change while it waits for a person; null: it waits no more. Undefined: not a word of this change. */
export function waitingAnswerIn(payload: unknown, changeId: string | null): ErrorResponse | null | undefined {
  if (changeId === null || changeIdIn(payload) !== changeId) return undefined;
  const { answer } = payload as { answer?: unknown };
  if (answer === null) return null;
  const fits = isObject(answer) && answer['status'] === 'error' && typeof answer['error'] === 'string' && isObject(answer['recovery']) && Array.isArray(answer['waiting_for']);
  return fits ? (answer as unknown as ErrorResponse) : undefined;
}

/** What is to be notified. Whoever may signal here may start operations, and say as much by them; the size is bounded. */
export function toldIn(payload: unknown): Told | null {
  if (!isObject(payload) || typeof payload['from'] !== 'string' || JSON.stringify(payload).length > MOST_TOLD) return null;
  const { from, notification, remind } = payload;
  if (notification !== null && !isNotification(notification)) return null;
  if (remind === null || remind === undefined) return { from, notification, remind: null };
  if (!isObject(remind) || !isNotification(remind['notification'])) return null;
  const { at } = remind;
  if (at !== null && !(typeof at === 'string' && Number.isFinite(Date.parse(at)))) return null;
  return { from, notification, remind: { at, notification: remind['notification'] } };
}

const MOST_TOLD = 20_000;

const isNotification = (value: unknown): value is Notification =>
  isObject(value) && typeof value['text'] === 'string' && isObject(value['faber_db']) && typeof value['faber_db']['event'] === 'string' && typeof value['faber_db']['record_id'] === 'string';
