/** Makes and drops the databases beside the target, and gives them what a dump does not carry. */
import pg from 'pg';
import { ScriptError, type Session } from '../../contract.js';
import { dropWhoeverIsIn } from '../drop-database.js';
import { bracketed, inOwnTransaction } from './own-work.js';
import type { DatabaseProperties } from './properties.js';
import { sqlState } from './sql-state.js';
import { databaseStates } from './states.js';

const name = pg.escapeIdentifier;
const text = pg.escapeLiteral;

/** Settings whose value is a list of quoted names: as one literal they would become one name with commas in it. */
const LISTS = new Set(['search_path', 'local_preload_libraries', 'session_preload_libraries', 'temp_tablespaces']);

/**
 * An empty database with the encoding, locale, owner and place of another. Left-overs of that name are dropped first.
 * @returns the transaction ids it took, as far as they are known.
 */
export async function createLike(session: Session, database: string, like: DatabaseProperties): Promise<string[]> {
  const dropped = await dropDatabase(session, database);
  const locale = [`LC_COLLATE ${text(like.collate)}`, `LC_CTYPE ${text(like.ctype)}`];
  if (like.locale_provider === 'icu') locale.push('LOCALE_PROVIDER icu', `ICU_LOCALE ${text(like.locale ?? '')}`);
  if (like.locale_provider === 'builtin') locale.push('LOCALE_PROVIDER builtin', `BUILTIN_LOCALE ${text(like.locale ?? '')}`);
  const tablespace = like.tablespace === 'pg_default' ? '' : `TABLESPACE ${name(like.tablespace)}`;
  const create = `CREATE DATABASE ${name(database)} TEMPLATE template0 OWNER ${name(like.owner)} ENCODING ${text(like.encoding)} ${locale.join(' ')} ${tablespace}`;
  return [...dropped, ...(await bracketed(session, () => session.query(create)))];
}

/**
 * Not there: nothing happens.
 * @returns the transaction ids it took, as far as they are known.
 */
export async function dropDatabase(session: Session, database: string): Promise<string[]> {
  if (!(await databaseStates(session, [database])).has(database)) return [];
  return bracketed(session, () => dropWhoeverIsIn(session, database));
}

/**
 * Carries owner's grants, connection limit, settings and comment over. One that the role may not set does not stop the
 * rest: such are obstacles that were shown and accepted before.
 * @returns what could not be carried over, in words, and the transaction ids it took.
 */
export async function carryOver(session: Session, database: string, from: DatabaseProperties): Promise<{ failed: string[]; ids: string[] }> {
  const failed: string[] = [];
  const ids: string[] = [];
  const attempt = async (what: string, statements: string[]) => {
    try {
      ids.push(await inOwnTransaction(session, async () => {
        for (const statement of statements) await session.query(statement);
      }));
    } catch (error) {
      if (!(error instanceof ScriptError) || error.failure.connectionLost) throw error;
      failed.push(`${what} (SQLSTATE ${sqlState(error) ?? 'unknown'})`);
    }
  };
  const on = `ON DATABASE ${name(database)}`;
  await attempt('connection limit', [`ALTER DATABASE ${name(database)} CONNECTION LIMIT ${from.connection_limit}`]);
  if (from.comment !== null) await attempt('comment', [`COMMENT ${on} IS ${text(from.comment)}`]);
  if (from.grants !== null) await attempt('default grants', [`REVOKE ALL ${on} FROM PUBLIC`, `REVOKE ALL ${on} FROM ${name(from.owner)}`]);
  for (const grant of from.grants ?? []) {
    const grantee = grant.grantee === null ? 'PUBLIC' : name(grant.grantee);
    await attempt(`${grant.privilege} for ${grant.grantee ?? 'PUBLIC'}`, [
      `GRANT ${grant.privilege} ${on} TO ${grantee}${grant.grantable ? ' WITH GRANT OPTION' : ''}`,
    ]);
  }
  for (const setting of from.settings) {
    const whose = setting.role === null ? `ALTER DATABASE ${name(database)}` : `ALTER ROLE ${name(setting.role)} IN DATABASE ${name(database)}`;
    await attempt(
      `setting ${setting.name}${setting.role === null ? '' : ` of role ${setting.role}`}`,
      LISTS.has(setting.name)
        ? [`SELECT set_config(${text(setting.name)}, ${text(setting.value)}, true)`, `${whose} SET ${name(setting.name)} FROM CURRENT`]
        : [`${whose} SET ${name(setting.name)} = ${text(setting.value)}`],
    );
  }
  return { failed, ids };
}
