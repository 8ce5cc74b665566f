/**
 * The manifest in the tags of a snapshot, so that the snapshot says what it is also without the store. A value has 256 characters of a
 * small alphabet, and a resource 50 tags: packed, encoded and split over numbered tags.
 */
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { canonicalJson } from '../../../contract/canonical.js';

export type Tags = Readonly<Record<string, string>>;

export const TAG = {
  backup: 'faber-db:backup-id',
  environment: 'faber-db:environment',
  operation: 'faber-db:operation',
  store: 'faber-db:store',
  source: 'faber-db:source-resource',
  /** Of a server that we made: `side` or `proof`. */
  role: 'faber-db:role',
  snapshot: 'faber-db:snapshot',
  sha256: 'faber-db:sha256',
} as const;

const BEGUN = 'faber-db:begun';
const PART = /^faber-db:manifest-(\d\d)$/;
const PART_LENGTH = 256;
/** The source's own tags are copied to a snapshot where it says so, and all together may be 50. */
const MOST_PARTS = 20;

/** A value that tags take, whatever the text: what they do not take is left out. */
export function tagValue(text: string): string {
  return text.replace(/[^\w .:/=+@-]/g, '_').slice(0, PART_LENGTH);
}

const packed = (facts: unknown) => deflateRawSync(JSON.stringify(facts), { level: 9 }).toString('base64url');
const unpacked = (text: string): unknown => JSON.parse(inflateRawSync(Buffer.from(text, 'base64url')).toString()) as unknown;

/** What is known when the snapshot is asked for: a later attempt reads it there. */
export const begunTag = (facts: unknown): Tags => ({ [BEGUN]: packed(facts) });
export const begunIn = (tags: Tags): unknown => (tags[BEGUN] === undefined ? null : readOr(() => unpacked(tags[BEGUN]!)));

/** @returns null where it has too much for tags: the store has it all the same */
export function manifestTags(manifest: unknown): Tags | null {
  const text = packed(manifest);
  const parts = text.match(new RegExp(`.{1,${PART_LENGTH}}`, 'g')) ?? [];
  if (parts.length > MOST_PARTS) return null;
  return Object.fromEntries(parts.map((part, at) => [`faber-db:manifest-${String(at).padStart(2, '0')}`, part]));
}

/** The manifest that tags hold; null where there is none, or not all of it. */
export function manifestIn(tags: Tags): unknown {
  const parts = Object.keys(tags).filter((key) => PART.test(key)).sort();
  if (parts.length === 0) return null;
  return readOr(() => unpacked(parts.map((key) => tags[key]).join('')));
}

function readOr(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    // Somebody changed a tag: it says nothing any more.
    return null;
  }
}

/** sha256 (hex) of facts, whatever the order of their keys. */
export function digestOf(facts: unknown): string {
  return createHash('sha256').update(canonicalJson(facts)).digest('hex');
}

interface AwsTag { Key?: string; Value?: string }

/** Without those of AWS itself, which nobody may set. */
export function tagsOf(list: readonly AwsTag[] | undefined): Tags {
  return Object.fromEntries((list ?? []).flatMap(({ Key, Value }) => (Key === undefined || Key.startsWith('aws:') ? [] : [[Key, Value ?? '']])));
}

export const tagList = (tags: Tags): { Key: string; Value: string }[] => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
