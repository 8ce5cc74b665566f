/** A digest of the schema, from the server's own definitions of its objects. */
import { createHash } from 'node:crypto';
import { FaberError } from '../../../contract/failure.js';
import type { SchemaFact, Session } from '../contract.js';
import { quoted } from './names.js';
import { codeObjects, tableDefinition, tablesIn } from './schema-objects.js';
import { errnoOf, LOCK_WAIT_TIMEOUT } from './server-failure.js';
import { readingName, withSession } from './session.js';
import type { MysqlTarget } from './url.js';

/** Seconds. A definition is read under a lock of its table, which a schema change may hold for long. */
const LOCK_TIMEOUT = 30;
/** Prisma's. The coming of a tool's own tables is no change of the user's schema. */
const OWN: readonly string[] = ['_prisma_migrations'];

/** sha256 (hex): equal for equal schemas, in whichever database they are. @throws FaberError lock_timeout */
export async function schemaFingerprint(target: MysqlTarget, own?: readonly string[]): Promise<string> {
  return digestOf(await schemaFacts(target, own));
}

function digestOf(facts: readonly SchemaFact[]): string {
  return createHash('sha256').update(facts.map(({ kind, name, definition }) => `${kind} ${name} ${definition}`).sort().join('\0')).digest('hex');
}

/** What the fingerprint is a digest of. @throws FaberError lock_timeout */
export async function schemaFacts(target: MysqlTarget, own: readonly string[] = OWN): Promise<SchemaFact[]> {
  try {
    return await withSession(target, readingName('fingerprint'), async (session) => {
      await session.query(`SET SESSION lock_wait_timeout = ${LOCK_TIMEOUT}`);
      return readFacts(session, target.database, own);
    });
  } catch (error) {
    if (errnoOf(error) !== LOCK_WAIT_TIMEOUT) throw error;
    throw new FaberError({
      code: 'lock_timeout',
      message: `The schema could not be read within ${LOCK_TIMEOUT} seconds: another session holds a lock on a table. Reading changed nothing.`,
      suggestions: ['End the session that holds the lock (SHOW PROCESSLIST), and start again.'],
    }, { cause: error });
  }
}

async function readFacts(session: Session, database: string, own: readonly string[]): Promise<SchemaFact[]> {
  const facts: SchemaFact[] = [];
  for (const { name, kind } of await tablesIn(session, database)) {
    if (own.includes(name) || kind === 'view') continue;
    const text = await tableDefinition(session, database, name);
    if (text === null) continue;
    facts.push(...(kind === 'sequence' ? [{ kind: 'sequence', name, definition: text }] : tableFacts(name, text)));
  }
  for (const { kind, name, sql, sqlMode, characterSet, collation, definer } of await codeObjects(session, database)) {
    const body = sql === null ? '(its definition is hidden from this user)' : sql.replaceAll(`${quoted(database)}.`, '');
    facts.push({ kind, name, definition: [body, sqlMode, characterSet ?? '', collation ?? '', definer].join('\n') });
  }
  return facts;
}

/** A fact for each line of SHOW CREATE TABLE: columns, keys and constraints, and the options of the table. */
export function tableFacts(table: string, definition: string): SchemaFact[] {
  const lines = definition.split('\n');
  const facts: SchemaFact[] = [];
  let position = 0;
  const end = lines.findIndex((line, at) => at > 0 && line.startsWith(')'));
  for (const line of lines.slice(1, end)) {
    const text = line.trim().replace(/,$/, '');
    const column = /^`((?:[^`]|``)+)` /.exec(text)?.[1];
    if (column !== undefined) {
      position += 1;
      facts.push({ kind: 'column', name: `${table}.${column.replaceAll('``', '`')}`, definition: `${position} ${text}` });
      continue;
    }
    const constraint = /^CONSTRAINT `((?:[^`]|``)+)`/.exec(text)?.[1];
    const key = /^(?:\w+ )?KEY `((?:[^`]|``)+)`/.exec(text)?.[1];
    const name = constraint ?? key ?? (text.startsWith('PRIMARY KEY') ? 'PRIMARY' : text.slice(0, 60));
    facts.push({ kind: constraint === undefined ? 'index' : 'constraint', name: `${table}.${name.replaceAll('``', '`')}`, definition: text });
  }
  return [{ kind: 'table', name: table, definition: lines.slice(end).join('\n') }, ...facts];
}
