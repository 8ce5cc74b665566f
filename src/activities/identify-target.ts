/** Whether the database that a URL reaches is the one that the environment means. */
import { FaberError } from '../contract/failure.js';
import type { DatabaseIdentity } from '../handlers/database/contract.js';
import type { Request } from '../contract/operation.js';
import type { Settings } from '../contract/settings.js';
import { commandLine } from './command-line.js';
import type { Resources } from './dependencies.js';

/**
 * @param mayBeMissing for a restore only the server must be reachable
 * @throws FaberError health_check_failed (unreachable), target_mismatch (standby, another environment's database), unsupported (pooler)
 */
export async function identifyTarget(input: Resources & { settings: Settings }, mayBeMissing: boolean): Promise<DatabaseIdentity> {
  const { database, target, settings } = input;
  const identity = await database.identify(target, { mayBeMissing });
  if (identity.standby) {
    throw new FaberError({
      code: 'target_mismatch',
      message: `${target.describe()} is a standby; changes belong on the primary`,
      suggestions: [`Point ${settings.direct_connection_string_env ?? settings.connection_string_env} at the primary`],
    });
  }
  if (identity.pooled) {
    throw new FaberError({
      code: 'unsupported',
      message: `${target.describe()} is reached through a pooler in transaction mode, which breaks sessions, locks and settings`,
      suggestions: [`Set direct_connection_string_env for ${settings.environment} to a variable with the direct URL`],
    });
  }
  if (identity.marker !== null && identity.marker !== settings.environment) {
    throw new FaberError({
      code: 'target_mismatch',
      message: `The database at ${target.describe()} is marked as '${identity.marker}', not '${settings.environment}'; nothing was changed`,
      result: { marker: identity.marker },
      suggestions: [
        `Check ${settings.direct_connection_string_env ?? settings.connection_string_env} on the worker: it may point at another environment's database`,
        `If the database really became '${settings.environment}': ${database.bookkeeping.markerStatement(target, settings.environment)}`,
      ],
    });
  }
  return identity;
}

interface Named extends Pick<Resources, 'target'> {
  settings: Settings;
  request: Request;
}

const adoptedBy = (request: Request): string | undefined => (request.parameters as { adopt?: string }).adopt;

/** Whether the operation marks the database as its environment's: the request names it, and it has no marker yet. */
export function adopts(request: Request, identity: Pick<DatabaseIdentity, 'marker'>): boolean {
  return identity.marker === null && adoptedBy(request) !== undefined;
}

/** A request that names a database is about that one and no other. @throws FaberError target_mismatch */
export function requireNamed({ request, target, settings }: Named, identity: DatabaseIdentity): void {
  const named = adoptedBy(request);
  if (named === undefined || named === identity.identity) return;
  throw new FaberError({
    code: 'target_mismatch',
    message: `The request names ${named}, and ${target.describe()} is ${identity.identity}; nothing was changed`,
    result: { identity: identity.identity },
    suggestions: [`Check ${settings.direct_connection_string_env ?? settings.connection_string_env} on the worker: it may point at another database`],
  });
}

/**
 * For what replaces or empties a database: a wrong URL in the environment must never wipe another one. An empty database, or one
 * that is missing, has nothing to lose. @throws FaberError target_mismatch
 */
export function requireMarked(named: Named, identity: DatabaseIdentity): void {
  const { request, target, settings } = named;
  if (identity.marker !== null || identity.empty || adopts(request, identity)) return;
  throw new FaberError({
    code: 'target_mismatch',
    message: `The database at ${target.describe()} is not empty, and no marker of faber-db in it says that it is '${settings.environment}'; nothing was changed`,
    result: { identity: identity.identity },
    suggestions: [
      `Check ${settings.direct_connection_string_env ?? settings.connection_string_env} on the worker: it may point at another database`,
      `If it is the right one, name it, which marks it: ${commandLine(request, { adopt: identity.identity })}`,
    ],
  });
}
