/** The webhook that is told what waits for people and what ended. Its URL is a secret: no message of ours may hold it. */
import type { Notification } from '../../contract/notification.js';
import { type Limits, PluginFailed } from './contract.js';
import { post } from './url.js';

const LIMITS: Limits = { timeoutMs: 30_000, answerBytes: null };

/** @param variable the name of the environment variable that holds the URL, for messages @throws PluginFailed */
export async function postNotification(url: string | undefined, variable: string, notification: Notification, limits: Limits = LIMITS): Promise<void> {
  const place = url?.trim() ?? '';
  if (place === '') throw new PluginFailed('not_started', `${variable} is not set on the worker: it should hold the webhook that is notified`);
  if (!URL.canParse(place) || !/^https?:$/.test(new URL(place).protocol)) throw new PluginFailed('not_allowed', `${variable} on the worker holds no http(s) URL`);
  await post(place, `The webhook of ${variable}`, JSON.stringify(notification), limits);
}
