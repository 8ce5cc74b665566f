/** The secrets that an activity can have met: those of the environment that its input names. */
import type { Settings } from '../contract/settings.js';
import type { Dependencies } from './dependencies.js';

export function secretsIn(deps: Dependencies, input: unknown): string[] {
  const settings = (input as { settings?: Settings } | null)?.settings;
  if (settings === undefined) return [];
  const webhook = deps.env[settings.integration?.notify_url_env ?? ''];
  const urls = [settings.connection_string_env, settings.direct_connection_string_env]
    .filter((name): name is string => name !== null)
    .flatMap((name) => {
      const url = deps.env[name];
      if (!url) return [];
      try {
        return [url, ...deps.databases(settings.provider).target(url).secrets];
      } catch {
        // Not a URL we can read: then all of it may be secret.
        return [url];
      }
    });
  const { encryption } = settings.backup;
  const keys = encryption ? [encryption.key_env, ...encryption.old_key_envs].flatMap((name) => deps.env[name]?.split(/\s*\n\s*/).filter((line) => line !== '' && !line.startsWith('#')) ?? []) : [];
  return [...urls, ...(webhook ? [webhook.trim()] : []), ...keys];
}
