/**
 * Tells the webhook about one operation, in the order of events, and reminds while it waits for a person. A workflow of its own, so
 * that a webhook that is slow or gone delays nothing, and reminders stand in no operation's history.
 */
import { condition, continueAsNew, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';
import type { ChangingActivities } from '../activities/contract.js';
import type { Notification, Settings } from '../contract/index.js';
import { stepsOn } from './guarded/steps.js';
import { toldIn } from './internal-messages.js';
import { tellSignal, type Told } from './messages.js';
import { onlyAsChild } from './only-as-child.js';

export interface NotifyInput {
  settings: Settings;
  /** Told in this order. */
  queue: Told[];
  /** What is told when the operation is gone without a word. */
  gone: Notification;
  state?: Waiting;
}

interface Waiting {
  /** Whose words come: while it does not run any more, nothing is to be waited for. */
  from: string;
  remind: Told['remind'];
  /** When it began (ms since 1970). */
  since: number;
  wakes: number;
}

const HOUR = 3_600_000;
/** Reminders, and looks whether the operation is still there: after half an hour, then seldomer, then once a day. */
const WAKE_AFTER_MS = [HOUR / 2, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR];
const WAKE_AT_LEAST_EVERY_MS = 24 * HOUR;
/** More would only wait behind a webhook that is gone; the newest ones count. */
const MOST_QUEUED = 50;

const { sendNotification } = proxyActivities<Pick<ChangingActivities, 'sendNotification'>>({
  startToCloseTimeout: '1 minute',
  // Later nobody wants to know.
  scheduleToCloseTimeout: '3 days',
  retry: { initialInterval: '2 seconds', maximumInterval: '10 minutes' },
});

export async function notify(input: NotifyInput): Promise<void> {
  onlyAsChild();
  const { settings, queue: first, gone, state } = input;
  const queue = [...first];
  let waiting: Waiting = state ?? { from: first[0]?.from ?? '', remind: null, since: Date.now(), wakes: 0 };
  setHandler(tellSignal, (payload) => {
    const told = toldIn(payload);
    if (told === null) return;
    queue.push(told);
    if (queue.length > MOST_QUEUED) queue.shift();
  });
  const send = (notification: Notification) => sendNotification({ settings, notification }).catch(() => {});
  for (;;) {
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof notify>({ settings, queue, gone, state: waiting });
    const told = queue.shift();
    if (told !== undefined) {
      if (told.notification !== null) await send(told.notification);
      if (told.notification?.faber_db.event === 'ended') return;
      waiting = { from: told.from, remind: told.remind, since: Date.now(), wakes: 0 };
      continue;
    }
    const { remind } = waiting;
    const once = remind !== null && remind.at !== null ? Date.parse(remind.at) - Date.now() : null;
    if (await condition(() => queue.length > 0, once === null ? wakeAfter(waiting.wakes) : Math.max(once, 1))) continue;
    const running = await stepsOn(null).reading.isRunning({ workflow_id: waiting.from });
    if (queue.length > 0) continue;
    if (!running) return send(gone);
    if (remind !== null) await send(numbered(remind.notification, waiting.wakes + 1));
    waiting = { ...waiting, wakes: waiting.wakes + 1, remind: once === null ? remind : null };
  }
}

const wakeAfter = (wakes: number) => WAKE_AFTER_MS[wakes] ?? WAKE_AT_LEAST_EVERY_MS;

/** Each reminder is a notification of its own. */
function numbered(notification: Notification, nth: number): Notification {
  const { faber_db: facts } = notification;
  return { ...notification, faber_db: { ...facts, record_id: `${facts.record_id}/${nth}`, at: new Date().toISOString() } };
}
