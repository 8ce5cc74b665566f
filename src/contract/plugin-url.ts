/** Which URLs a config may name as a plugin. */

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * https, or http on this machine, without user information, query and fragment: those hold secrets, and a config is committed and
 * shown. A plugin whose address is a secret is an executable that knows it.
 */
export function isPluginUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  const allowed = protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname));
  return allowed && username === '' && password === '' && search === '' && hash === '';
}
