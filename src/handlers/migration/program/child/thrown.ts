/** Whatever a migration threw, as facts that can be sent. */
import type { DriverFailure, Thrown } from '../messages.js';

const FIELDS = ['severity', 'code', 'detail', 'hint', 'position', 'internalPosition', 'internalQuery', 'where', 'schema', 'table', 'column', 'dataType', 'constraint', 'routine'];
/** Where tools keep the driver's error in their own. */
const INSIDE = ['cause', 'parent', 'original', 'driverError', 'nativeError'];
const MOST = 8_000;

const seen = new WeakMap<object, DriverFailure>();

/** An error as the driver threw it, before a tool puts statement and values into its message. */
export function driverFailure(error: unknown): DriverFailure {
  const known = error instanceof Object ? seen.get(error) : undefined;
  if (known) return known;
  const from = (error ?? {}) as Record<string, unknown>;
  const fields = Object.fromEntries(FIELDS.flatMap((name) => (typeof from[name] === 'string' || typeof from[name] === 'number' ? [[name, String(from[name])]] : [])));
  const failure = { message: textOf(from['message'] ?? error), fields };
  if (error instanceof Object) seen.set(error, failure);
  return failure;
}

/** @param file of the migration, for the line */
export function thrownOf(error: unknown, file: string | null): Thrown {
  const known = error instanceof Error;
  const stack = known ? textOf(error.stack) : '';
  return { name: known ? error.name : error === null ? 'null' : typeof error, message: known ? textOf(error.message) : textOf(error), stack, line: lineIn(stack, file), driver: driverIn(error) };
}

/** A tool's error stands around the driver's. */
function driverIn(error: unknown, depth = 0): DriverFailure | null {
  if (!(error instanceof Object) || depth > 4) return null;
  const from = error as Record<string, unknown>;
  if (seen.has(error) || (typeof from['severity'] === 'string' && typeof from['code'] === 'string')) return driverFailure(error);
  for (const name of INSIDE) {
    const found = from[name] === error ? null : driverIn(from[name], depth + 1);
    if (found) return found;
  }
  return null;
}

/** Of TypeScript the lines are those of what was made of it, so none is told. */
function lineIn(stack: string, file: string | null): number | null {
  if (file === null || /\.[cm]?ts$/.test(file)) return null;
  const at = stack.split('\n').find((line) => line.includes(`${file}:`));
  const line = at?.slice(at.indexOf(`${file}:`) + file.length + 1);
  return line === undefined ? null : Number.parseInt(line, 10) || null;
}

function textOf(value: unknown): string {
  try {
    return String(value).slice(0, MOST);
  } catch {
    return 'something that cannot be shown';
  }
}
