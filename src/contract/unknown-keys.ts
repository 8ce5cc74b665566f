/** Keys of a config that its schema does not know: nearly always a typo, so each is named with the key that was meant. */
import { nearest } from './nearest.js';

interface SchemaNode {
  properties?: Record<string, SchemaNode>;
  additionalProperties?: SchemaNode | boolean;
}

/** `$schema`, `_comment`, `//`: notes for people and editors. */
const NOTE = /^(\$|_|\/\/)/;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function walk(value: unknown, node: SchemaNode, path: string, warnings: string[]): void {
  if (!isObject(value)) return;
  const known = node.properties;
  const others = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
  // A schema that names no keys says nothing about them.
  if (!known && !others) return;
  for (const [key, inner] of Object.entries(value)) {
    const here = path ? `${path}.${key}` : key;
    const child = known && Object.hasOwn(known, key) ? known[key] : others;
    if (child) walk(inner, child, here, warnings);
    else if (!NOTE.test(key)) {
      const near = nearest(key, Object.keys(known ?? {}));
      warnings.push(`Unknown key '${here}' is ignored${near ? `; did you mean '${near}'?` : ''}`);
    }
  }
}

/**
 * One warning per unknown key, each with its path and, if any is near, the known key.
 * @param schema JSON Schema of the config, as `configJsonSchema` gives it
 */
export function unknownKeyWarnings(config: unknown, schema: Record<string, unknown>): string[] {
  const warnings: string[] = [];
  walk(config, schema as SchemaNode, '', warnings);
  return warnings;
}
