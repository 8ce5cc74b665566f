/** Names as SQL takes them. */
import pg from 'pg';
import type { RangeVar } from 'libpg-query';

/** `"schema"."name"`, quoted whatever it holds. */
export const quotedName = (parts: readonly string[]) => parts.map((part) => pg.escapeIdentifier(part)).join('.');

/** A relation of a script, qualified only where the script does so: search_path decides as it did for the script. */
export const quotedRelation = (relation: RangeVar | undefined) =>
  quotedName([relation?.schemaname, relation?.relname].filter((part) => part !== undefined));
