/** What a seed sees of the worker: the one database, and the variables that the config names. */
import { createHash } from 'node:crypto';
import type { PlannedSeed } from '../contract/plan.js';
import { FaberError } from '../contract/failure.js';
import type { ConnectionTarget } from '../handlers/database/contract.js';

const HANDED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'];
/** Shorter values match by chance: masked, they would make the output unreadable and hide nothing. */
const SECRET_FROM = 6;

/**
 * Its sessions are named as ours are, so that the next holder of the fence ends those of a seed that was left behind.
 * @throws FaberError plan_failed for a variable that the config names and the worker does not have
 */
export function seedEnvironment(seed: PlannedSeed, target: ConnectionTarget, operationId: string, env: NodeJS.ProcessEnv): { env: Record<string, string>; secrets: string[] } {
  const missing = seed.variables.filter((name) => env[name] === undefined);
  if (missing.length > 0) {
    throw new FaberError({ code: 'plan_failed', message: `seed.variables names ${missing.join(', ')}, and the worker has no such variable; the seed was not run`, suggestions: [`Set ${missing.join(', ')} on the worker and restart it`] });
  }
  const url = target.secretUrl(`faber-db seed ${createHash('sha256').update(operationId).digest('hex').slice(0, 12)}`);
  const named = [...HANDED_ON, ...seed.variables].filter((name) => env[name] !== undefined);
  const own = seed.variables.map((name) => env[name]!).filter((value) => value.length >= SECRET_FROM);
  return { env: { ...Object.fromEntries(named.map((name) => [name, env[name]!])), [seed.url_variable]: url }, secrets: [url, ...target.secrets, ...own] };
}
