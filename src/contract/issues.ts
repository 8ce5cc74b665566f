/** Turns the findings of a zod schema into sentences: the path, the value that is there, and what is allowed. */
import type { z } from 'zod';
import { secretIn } from './secrets-in-text.js';

export type Issue = z.core.$ZodIssue;

/** `environments.prod-eu.protected`, `approvers[2]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => (typeof step === 'number' ? `${text}[${step}]` : text ? `${text}.${String(step)}` : String(step)), '');
}

export function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** The value as it may be shown: short, and never one that could be a secret in the wrong place. */
export function shown(value: unknown, path: readonly PropertyKey[]): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  // A URL or password typed where the variable's name belongs is the likeliest mistake there.
  if (String(path.at(-1)).endsWith('_env')) return 'the value';
  const text = JSON.stringify(value) ?? 'nothing';
  if (secretIn(text)) return 'the value';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

const TYPE_NAMES: Record<string, string> = {
  string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false', object: 'an object', record: 'an object', array: 'a list',
};

function allowed(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_NAMES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.map(String).join(', ');
    case 'too_small': {
      const unit = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : '';
      return `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}${unit}`;
    }
    case 'too_big': {
      const unit = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : '';
      return `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}${unit}`;
    }
    default:
      return issue.message;
  }
}

/** One sentence about one issue; `root` is the value that was validated. */
export function describeIssue(issue: Issue, root: unknown, prefix: readonly PropertyKey[] = []): string {
  const value = valueAt(root, issue.path);
  const where = pathText([...prefix, ...issue.path]) || 'the whole';
  // Patterns and refinements carry a sentence of their own ("must be …").
  const own = issue.code === 'invalid_format' || issue.code === 'custom';
  if (issue.code === 'invalid_key') return `${where}: ${issue.issues[0]?.message ?? issue.message}`;
  if (value === undefined && issue.code === 'invalid_type') return `${where} is missing (${allowed(issue)})`;
  if (own) return value === undefined ? `${where}: ${issue.message}` : `${where}: ${shown(value, issue.path)} ${issue.message}`;
  return `${where}: ${shown(value, issue.path)} is not allowed; allowed: ${allowed(issue)}`;
}
