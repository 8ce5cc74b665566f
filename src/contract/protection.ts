/** Which environments are protected. Fails closed: what cannot be read counts as a reason to protect. */

import { matchesPattern } from './pattern.js';

const UNPROTECTED_NAMES = new Set(['dev', 'development', 'test', 'ci', 'local', 'staging', 'preview']);
const DEVELOPMENT_NAMES = new Set(['dev', 'development', 'test', 'ci', 'local', 'preview']);

/** Names whose databases are made anew at will: no backup before a change unless asked for. */
export function isDevelopment(environment: string): boolean {
  return DEVELOPMENT_NAMES.has(environment);
}

export interface Protection {
  protected: boolean;
  /** The config contradicts itself; said to the reader. */
  warning?: string;
}

/**
 * @param explicit `protected` of the environment, as written
 * @param patterns `safety.protected_environments`, as written
 */
export function protectionOf(environment: string, explicit: unknown, patterns: unknown): Protection {
  const listed = patterns !== undefined && (!Array.isArray(patterns) || patterns.some((p) => typeof p !== 'string' || matchesPattern(p, environment)));
  if (listed) {
    return explicit === false
      ? { protected: true, warning: `'${environment}' says protected: false and is in safety.protected_environments; it is protected` }
      : { protected: true };
  }
  if (explicit !== undefined) return { protected: explicit !== false };
  return { protected: !UNPROTECTED_NAMES.has(environment) };
}
