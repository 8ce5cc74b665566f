/** What the dump holds apart from rows, kept beside it: by this a restored database is compared, object by object. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { BackupRecord } from '../../../../contract/backup.js';
import type { SchemaFact } from '../../../database/contract.js';
import type { CodeObject } from '../../../database/mysql/schema-objects.js';
import type { Store } from '../../contract.js';
import { unusable } from '../../unusable.js';
import { readText } from '../small-files.js';

export const STRUCTURE_FILE = 'structure.json';

const Structure = z.object({
  facts: z.array(z.object({ kind: z.string(), name: z.string(), sha256: z.string() })).describe('Digests of definitions, which may hold literals'),
  definers: z.array(z.string()).describe('Users that views, triggers, routines and events run as'),
  triggers: z.number(),
});
export type Structure = z.infer<typeof Structure>;

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

export function structureOf(facts: readonly SchemaFact[], code: readonly CodeObject[]): { text: string; sha256: string } {
  const structure: Structure = {
    facts: facts.map(({ kind, name, definition }) => ({ kind, name, sha256: digest(definition) })),
    definers: [...new Set(code.map(({ definer }) => definer))].sort(),
    triggers: code.filter(({ kind }) => kind === 'trigger').length,
  };
  const text = `${JSON.stringify(structure, null, 1)}\n`;
  return { text, sha256: digest(text) };
}

/** @throws FaberError backup_unusable when it is not there, or not the one of the manifest */
export async function readStructure(store: Store, record: BackupRecord, signal: AbortSignal): Promise<Structure> {
  const text = await readText(store, record, STRUCTURE_FILE, signal);
  if (digest(text) !== record.structure_sha256) throw unusable(record, `${STRUCTURE_FILE} is not the one of the manifest`);
  return Structure.parse(JSON.parse(text));
}

/** @throws FaberError backup_unusable naming the first object that did not come back as it was */
export function requireSameStructure(record: BackupRecord, structure: Structure, found: readonly SchemaFact[]): void {
  const is = new Map(found.map(({ kind, name, definition }) => [`${kind} ${name}`, digest(definition)]));
  const was = new Map(structure.facts.map(({ kind, name, sha256 }) => [`${kind} ${name}`, sha256]));
  const different = [...new Set([...is.keys(), ...was.keys()])].filter((name) => is.get(name) !== was.get(name));
  if (different.length === 0) return;
  throw unusable(record, `${different.length} object(s) are not as they were after a restore, first ${different[0]!}`, { differences: different.slice(0, 20) });
}
