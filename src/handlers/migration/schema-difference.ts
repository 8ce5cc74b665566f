/** Schemas before and after a script, told apart by what a database system says of its objects. */
import type { ConnectionTarget, DatabaseHandler } from '../database/contract.js';

export interface Schema { exact: string; objects: Map<string, string> }

export async function schemaOf(database: DatabaseHandler, scratch: ConnectionTarget, own?: readonly string[]): Promise<Schema> {
  const facts = await database.schemaFacts(scratch, own);
  const exact = facts.map(({ kind, name, definition }) => `${kind} ${name} ${definition}`).sort().join('\0');
  const withoutPosition = (kind: string, definition: string) => (kind === 'column' ? definition.replace(/^\d+ /, '') : definition);
  return { exact, objects: new Map(facts.map(({ kind, name, definition }) => [`${kind} ${name}`, withoutPosition(kind, definition)])) };
}

/** By name only: definitions can hold literals. */
export function differences(expected: Schema, found: Schema): string[] {
  const names = new Set([...expected.objects.keys(), ...found.objects.keys()]);
  return [...names].filter((name) => expected.objects.get(name) !== found.objects.get(name)).sort();
}

export const listed = (lines: readonly string[]) => lines.slice(0, 5).join(', ') + (lines.length > 5 ? ` and ${lines.length - 5} more` : '');
