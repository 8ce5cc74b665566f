/**
 * What the webhook of `integration.notify_url_env` gets by POST: `text`, as Slack, Mattermost, Teams and their like show it, and the
 * facts as fields in `faber_db`, which those ignore. Delivery is at least once, in the order of events, and given up after three days.
 */
import { z } from 'zod';
import { Risk } from './settings.js';

export const NotificationEvent = z.enum([
  'approval_waiting',
  'approval_expiring',
  'approved',
  'decision_waiting',
  'decision_reminder',
  'decided',
  'ended',
  'ended_from_outside',
]);
export type NotificationEvent = z.infer<typeof NotificationEvent>;

export const NotificationFacts = z.object({
  event: NotificationEvent,
  record_id: z.string().describe('The same for every delivery of this notification'),
  operation_id: z.string(),
  operation: z.string(),
  environment: z.string(),
  requested_by: z.string().describe('By their own word'),
  risk: Risk.optional(),
  plan_hash: z.string().optional(),
  status: z.enum(['success', 'error', 'cancelled']).optional().describe('How it ended'),
  code: z.string().optional(),
  until: z.string().optional().describe('When the approval expires, ISO 8601'),
  waiting_for: z.array(z.string()).optional().describe('The ways out to choose from'),
  workflow_url: z.string().optional().describe('In the Temporal Web UI, where integration.temporal_ui says where that is'),
  at: z.string().describe('When it happened, ISO 8601'),
});
export type NotificationFacts = z.infer<typeof NotificationFacts>;

export const Notification = z.object({
  text: z.string().max(3000).describe('For people; `<`, `>` and `&` escaped as Slack wants it'),
  faber_db: NotificationFacts,
});
export type Notification = z.infer<typeof Notification>;
