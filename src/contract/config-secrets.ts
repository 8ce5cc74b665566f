/** Finds URLs and secrets in a config: it is committed, logged and shown, and may hold names of variables only. */
import { isPlainHttps } from './approval-settings.js';
import { pathText } from './issues.js';
import { isPluginUrl } from './plugin-url.js';
import { isSecretKey, secretIn } from './secrets-in-text.js';

const PUBLIC_URLS: ReadonlySet<string> = new Set(['jwks', 'issuer', 'audience'].map((key) => `safety.approval.${key}`));
const PLUGIN_URLS: ReadonlySet<string> = new Set([...['cloud_plugin', 'work_plugin', 'logs_plugin', 'temporal_ui'].map((key) => `integration.${key}`), 'backup.s3.endpoint']);

function visit(value: unknown, path: (string | number)[], found: string[]): void {
  const key = String(path.at(-1) ?? '');
  if (typeof value === 'string') {
    // An editor's pointer to the schema is the one URL that belongs there.
    if (path.length === 1 && key === '$schema') return;
    // Where an issuer publishes its keys, and its name, are public.
    if (PUBLIC_URLS.has(path.join('.')) && isPlainHttps(value)) return;
    if (PLUGIN_URLS.has(path.join('.'))) {
      if (isPluginUrl(value)) return;
      if (secretIn(value)) found.push(`${pathText(path)} must be an https URL, or http on this machine, without user information, query and fragment: those hold secrets`);
      return;
    }
    if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(value)) {
      found.push(`${pathText(path)} holds a private key; decisions are verified with public ones`);
      return;
    }
    const kind = secretIn(value) ?? (isSecretKey(key) && value !== '' ? 'a secret' : undefined);
    if (kind) found.push(`${pathText(path)} holds ${kind}; put it in an environment variable on the worker and name that variable`);
  } else if (Array.isArray(value)) value.forEach((inner, index) => visit(inner, [...path, index], found));
  else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      if (secretIn(name)) found.push(`${pathText(path) || 'the file'} has a key that holds ${secretIn(name)}`);
      else visit(inner, [...path, name], found);
    }
  }
}

/** One sentence for each place, never quoting what stands there. */
export function findSecrets(config: unknown): string[] {
  const found: string[] = [];
  visit(config, [], found);
  return found;
}
