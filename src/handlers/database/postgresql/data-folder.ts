/** Where a server keeps its data, if that is on this machine. */
import { isIP } from 'node:net';
import type { Session } from '../contract.js';
import type { PostgresTarget } from './connection-url.js';

/**
 * Only for a server on this machine whose role may read where that is, else null. A port forwarded to another machine gives
 * a folder that is not here.
 */
export async function dataFolder(session: Session, target: PostgresTarget): Promise<string | null> {
  if (!isLocal(target.host)) return null;
  const [row] = await session.query<{ may: boolean }>("SELECT pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE') AS may");
  if (!row?.may) return null;
  const [at] = await session.query<{ folder: string }>("SELECT pg_catalog.current_setting('data_directory') AS folder");
  return at?.folder ?? null;
}

function isLocal(host: string): boolean {
  if (host.startsWith('/') || host === 'localhost') return true;
  return (isIP(host) === 4 && host.startsWith('127.')) || host === '::1';
}
