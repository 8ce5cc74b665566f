/** What operations that have not ended need of the store. One file an operation, so that no two write the same. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { TEMPORARY_PREFIX, writeDurably } from './durable.js';

export const Reference = z.object({
  operation_id: z.string(),
  /** Temporal's: whether an operation of another one has ended cannot be asked. */
  namespace: z.string(),
  environment: z.string(),
  working_directory: z.string(),
  at: z.string(),
  artifacts: z.array(z.string()),
  backups: z.array(z.string()),
});
export type Reference = z.infer<typeof Reference>;

/** Ids are chosen by callers: the name holds none of their characters. */
export const referenceFile = (operationId: string) => `references/${createHash('sha256').update(operationId).digest('hex').slice(0, 32)}.json`;
const pathOf = (location: string, operationId: string) => join(location, referenceFile(operationId));

/** What an operation needs, added to what is noted already, as it is kept. */
export function addedTo(there: Reference | null, reference: Reference): string {
  const together = (key: 'artifacts' | 'backups') => [...new Set([...(there?.[key] ?? []), ...reference[key]])];
  return `${JSON.stringify({ ...reference, artifacts: together('artifacts'), backups: together('backups') })}\n`;
}

/** @returns null for what says nothing: each appears whole, so one that cannot be read was put there by others */
export function parseReference(text: string): Reference | null {
  try {
    return Reference.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Adds to what the operation needs already. Durable when it returns. */
export async function refer(location: string, reference: Reference): Promise<void> {
  const path = pathOf(location, reference.operation_id);
  await writeDurably(path, addedTo(await read(path), reference), 'replace');
}

export async function references(location: string): Promise<Reference[]> {
  const folder = join(location, 'references');
  const names = (await readdir(folder)).filter((name) => !name.startsWith(TEMPORARY_PREFIX));
  const found = await Promise.all(names.map((name) => read(join(folder, name))));
  return found.filter((reference) => reference !== null);
}

export async function forget(location: string, operationId: string): Promise<void> {
  await rm(pathOf(location, operationId), { force: true });
}

async function read(path: string): Promise<Reference | null> {
  try {
    return parseReference(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
