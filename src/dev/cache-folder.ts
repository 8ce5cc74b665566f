import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where fetched programs are kept between runs: `$XDG_CACHE_HOME/faber-db`, else `~/.cache/faber-db`.
 * Deleting it costs a download, nothing else.
 */
export function cacheFolder(): string {
  // The XDG rules: a relative value is to be ignored.
  const xdg = process.env['XDG_CACHE_HOME'];
  return join(xdg?.startsWith('/') ? xdg : join(homedir(), '.cache'), 'faber-db');
}
