/** What plugins are given and asked. Delivery is at least once: each document has an id by which a plugin knows it again. */
import type { AuditRecord } from '../contract/audit.js';
import { FaberError } from '../contract/failure.js';
import type { Notification } from '../contract/notification.js';
import type { CloudAnswer, CloudRequest, WorkRequest } from '../contract/plugin.js';
import type { Settings } from '../contract/settings.js';
import type { Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';

/** Hands one record to the logs plugin. */
export async function sendAudit(deps: Dependencies, { settings, record }: { settings: Settings; record: AuditRecord }): Promise<void> {
  if (settings.logs_plugin !== null) await deps.plugins.deliver({ plugin: settings.logs_plugin, working_directory: settings.working_directory }, record);
}

/** Hands the end of one operation to the work plugin. */
export async function sendWork(deps: Dependencies, { settings, record }: { settings: Settings; record: WorkRequest }): Promise<void> {
  const plugin = settings.integration?.work_plugin ?? null;
  if (plugin !== null) await deps.plugins.deliver({ plugin, working_directory: settings.working_directory }, record);
}

/** Tells the webhook. Its URL is read here and goes nowhere else. */
export async function sendNotification(deps: Dependencies, { settings, notification }: { settings: Settings; notification: Notification }): Promise<void> {
  const variable = settings.integration?.notify_url_env ?? null;
  if (variable !== null) await deps.postNotification(deps.env[variable], variable, notification);
}

/** @throws FaberError config_invalid where there is no such plugin; PluginFailed */
export async function askCloud(deps: Dependencies, { settings, request }: { settings: Settings; request: CloudRequest }): Promise<CloudAnswer> {
  const plugin = settings.integration?.cloud_plugin ?? null;
  if (plugin === null) {
    throw new FaberError({ code: 'config_invalid', message: `Hosting of ${settings.environment} is ${settings.hosting}, and no plugin is configured that provides the server`, suggestions: ['Set integration.cloud_plugin'] });
  }
  return withHeartbeat(({ signal }) => deps.plugins.askCloud({ plugin, working_directory: settings.working_directory }, request, signal));
}
