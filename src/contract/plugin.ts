/**
 * What plugins are given and what they answer. A plugin is an executable or a URL that the config names
 * (`integration.cloud_plugin`, `work_plugin`, `logs_plugin`): it gets one JSON document, on stdin or by POST, and answers
 * on stdout or in the body. A plugin of logs gets an `AuditRecord` (audit.ts).
 *
 * It failed when it exits other than 0, answers other than 2xx (a redirect too), takes too long, or, where an answer is
 * looked at, answers too much or other than the JSON below. Each document may come more than once.
 */
import { z } from 'zod';
import { Hosting } from './settings.js';
import { Response } from './response.js';

/** To `cloud_plugin`: make sure that the server of an environment is there. Asked again, with the same operation_id, while it is `pending`. */
export const CloudRequest = z.object({
  action: z.literal('ensure-database'),
  operation_id: z.string().describe('The same each time that this operation asks: provisioning must begin once'),
  environment: z.string(),
  hosting: Hosting,
  region: z.string().nullable(),
  database_name: z.string().nullable().describe('The database that will be created on the server; null: as the connection URL names it'),
  working_directory: z.string(),
});
export type CloudRequest = z.infer<typeof CloudRequest>;

const MOST_WAIT_SECONDS = 3600;

/** From `cloud_plugin`. */
export const CloudAnswer = z.discriminatedUnion('status', [
  z.object({ status: z.literal('ready'), message: z.string().max(2000).optional() }),
  z.object({
    status: z.literal('pending'),
    message: z.string().max(2000).optional().describe('Shown as progress'),
    retry_after_seconds: z.number().positive().max(MOST_WAIT_SECONDS).optional().describe('When to ask again'),
  }),
  z.object({ status: z.literal('failed'), message: z.string().min(1).max(2000).describe('Why, for people; no secret') }),
]);
export type CloudAnswer = z.infer<typeof CloudAnswer>;

/** To `work_plugin` at the end of an operation, so that a work item can link to it. What it answers is not looked at. */
export const WorkRequest = z.object({
  action: z.literal('record-operation'),
  record_id: z.string().describe('The same for every delivery of this document'),
  operation_id: z.string(),
  operation: z.string(),
  environment: z.string(),
  requested_by: z.string().describe('Who asked, by their own word'),
  workflow: z
    .object({ namespace: z.string(), workflow_id: z.string(), url: z.string().optional().describe('In the Temporal Web UI, where the config says where that is (`integration.temporal_ui`)') })
    .describe('The Temporal workflow that ran it'),
  answer: Response.describe("The operation's answer"),
  timestamp: z.string().describe('When it ended, ISO 8601'),
});
export type WorkRequest = z.infer<typeof WorkRequest>;
