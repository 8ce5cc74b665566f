/** Values that break parsers: by their characters, size, depth, or the names of their keys. */
import type { Random } from './seeded.js';

export const HOSTILE_TEXTS: readonly string[] = [
  '', ' ', '\0', 'a\0b', '\n', '\r\n', '\u001b[31mred', '\u202egnp.sql', '\u200b', '\ufeff', '\ud800', '\udfff\ud800', '😀', 'e\u0301', 'İ', 'ß', '\u{10ffff}',
  '.', '..', '/', '//', '/..', '../../etc/passwd', '/srv/../../etc', '/proc/self/environ', '/dev/zero', 'C:\\temp', '\\\\host\\share', '~', '$HOME', '%2e%2e%2f',
  '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__', '$schema', '//', '_comment',
  "'; DROP TABLE users; --", '" OR 1=1', '$(reboot)', '`id`', '{{7*7}}', '${process.env.HOME}', '<script>', '%s%s%n', '-rf', '--help',
  'postgresql://app:hunter2@db/shop', 'POSTGRES://x', 'password = hunter2', 's3://bucket', 's3://key:secret@bucket', 'http://[::1]/', 'javascript:alert(1)',
  'null', 'true', 'NaN', 'Infinity', '-0', '1e999', '0x10', '08', '9'.repeat(400), 'backup-20260124-103000', 'backup-00000000-000000-', '20260101000000_init',
  'production', 'PRODUCTION', 'prod uction', 'migrate', 'Migrate', 'migrate\0', '*', '**', 'prod*', '(a+)+$', '^(([a-z])+.)+$', 'a'.repeat(101), 'a'.repeat(256),
];

const NUMBERS: readonly number[] = [0, -0, 1, -1, 0.5, 2 ** 31, 2 ** 53, 2 ** 53 + 2, 1e308, -1e308, 5e-324, Number.MAX_SAFE_INTEGER, Number.NaN, Number.POSITIVE_INFINITY];

export function hostileText(random: Random): string {
  const dice = random.next();
  if (dice < 0.8) return random.pick(HOSTILE_TEXTS);
  if (dice < 0.996) return Array.from({ length: random.below(12) }, () => String.fromCharCode(random.below(0x10000))).join('');
  return random.pick(['x', '/', '*', 'a.', '\u{1f600}', '('].map((part) => part.repeat(random.pick([300, 5_000, 100_000]))));
}

/** `levels` lists or objects, one in another. */
export function nested(levels: number, asList: boolean): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = asList ? [value] : { a: value };
  return value;
}

/** Any value that JSON text can hold, and a few that only a program can. */
export function hostileValue(random: Random, levels = 3): unknown {
  const dice = random.next();
  if (dice < 0.4) return hostileText(random);
  if (dice < 0.55) return random.pick(NUMBERS);
  if (dice < 0.7) return random.pick([true, false, null, undefined]);
  if (dice < 0.999 && levels > 0) {
    const length = random.below(4);
    return random.chance(0.4) ? Array.from({ length }, () => hostileValue(random, levels - 1)) : hostileObject(random, length, levels - 1);
  }
  if (dice < 0.9995) return nested(random.pick([50, 64, 65, 500, 20_000]), random.chance(0.5));
  return Object.fromEntries(Array.from({ length: random.pick([200, 3_000]) }, (_, at) => [`key${at}`, at]));
}

function hostileObject(random: Random, length: number, levels: number): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  // Defined, not assigned: `__proto__` becomes a key, as it does when JSON text is parsed.
  for (let at = 0; at < length; at += 1) {
    Object.defineProperty(made, hostileText(random), { value: hostileValue(random, levels), enumerable: true, configurable: true, writable: true });
  }
  return made;
}

/** Puts something hostile at a random place of a value that was good. */
export function spoiled(random: Random, good: unknown, times: number): unknown {
  let value = clone(good);
  for (let time = 0; time < times; time += 1) value = spoiledOnce(random, value);
  return value;
}

function spoiledOnce(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random.chance(0.03)) return hostileValue(random);
  const parent = value as Record<string, unknown>;
  const keys = Object.keys(parent);
  const key = keys.length > 0 ? random.pick(keys) : 'a';
  const dice = random.next();
  if (dice < 0.5) parent[key] = spoiledOnce(random, parent[key]);
  else if (dice < 0.7) parent[key] = hostileValue(random);
  else if (dice < 0.8) delete parent[key];
  else if (dice < 0.9) Object.defineProperty(parent, hostileText(random), { value: hostileValue(random), enumerable: true, configurable: true, writable: true });
  else if (!Array.isArray(value)) {
    const moved = parent[key];
    delete parent[key];
    Object.defineProperty(parent, `${key}${random.pick(['s', '_', ' ', '\0', ''])}`, { value: moved, enumerable: true, configurable: true, writable: true });
  }
  return value;
}

/** Not structuredClone: what was spoiled before may be too deep for it. */
function clone(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clone);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, clone(inner)]));
  return value;
}
