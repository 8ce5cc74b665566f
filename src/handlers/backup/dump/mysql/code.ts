/** Makes and drops views, triggers, routines and events, as the server itself wrote them down. */
import { codeObjects, type CodeObject } from '../../../database/mysql/schema-objects.js';
import { quoted } from '../../../database/mysql/names.js';
import { ScriptError } from '../../../database/contract.js';
import { isLockRefusal } from '../../../database/mysql/changing-session.js';
import { purposeName, withSession, type MysqlSession } from '../../../database/mysql/session.js';
import type { MysqlTarget } from '../../../database/mysql/url.js';

/** Functions before views that call them, views after tables, triggers last. */
const ORDER: Record<CodeObject['kind'], number> = { function: 0, procedure: 1, view: 2, trigger: 3, event: 4 };

/** @returns their definitions in this database, names of its own objects without its name */
export const codeIn = (target: MysqlTarget) => withSession(target, purposeName('restore'), (session) => codeObjects(session, target.database));

/** What makes two of them the same, wherever they are. */
export const sameCode = (one: CodeObject, other: CodeObject) =>
  one.kind === other.kind && one.name === other.name && one.sql === other.sql && one.sqlMode === other.sqlMode && one.characterSet === other.characterSet && one.collation === other.collation;

export async function dropCode(session: MysqlSession, database: string, code: readonly Pick<CodeObject, 'kind' | 'name'>[]): Promise<void> {
  for (const { kind, name } of code) await session.query(`DROP ${kind.toUpperCase()} IF EXISTS ${quoted(database)}.${quoted(name)}`);
}

/** Seconds. A trigger is made under a lock of its table. */
const ONE_TRY = 3;
const PATIENCE_MS = 60_000;

/**
 * Makes what is not there, or is there otherwise.
 * @param others what else is there: dropped, or left alone
 * @returns what could not be made, in words
 */
export async function makeCode(target: MysqlTarget, wanted: readonly CodeObject[], others: 'drop' | 'leave'): Promise<string[]> {
  return withSession(target, purposeName('restore'), async (session) => {
    const there = await codeObjects(session, target.database);
    await session.query(`SET SESSION lock_wait_timeout = ${ONE_TRY}`);
    const begun = performance.now();
    const inTheWay = (one: CodeObject) => wanted.some((other) => one.kind === other.kind && one.name === other.name);
    await dropCode(session, target.database, there.filter((one) => !wanted.some((other) => sameCode(one, other)) && (others === 'drop' || inTheWay(one))));
    // A view may stand on another one, whatever their names: those that fail are tried again after the others.
    let open = wanted.filter((one) => !there.some((other) => sameCode(one, other))).sort((a, b) => ORDER[a.kind] - ORDER[b.kind]);
    for (;;) {
      const failed: { one: CodeObject; error: ScriptError }[] = [];
      for (const one of open) {
        try {
          await make(session, one);
        } catch (error) {
          if (!(error instanceof ScriptError) || error.failure.connectionLost) throw error;
          failed.push({ one, error });
        }
      }
      const waits = failed.some(({ error }) => isLockRefusal(error)) && performance.now() - begun < PATIENCE_MS;
      if (failed.length === 0 || (failed.length === open.length && !waits)) return failed.map(({ one, error }) => `${one.kind} ${one.name}: ${error.message}`);
      open = failed.map(({ one }) => one);
    }
  });
}

async function make(session: MysqlSession, { sql, sqlMode, characterSet, collation }: CodeObject): Promise<void> {
  await session.query('SET SESSION sql_mode = ?', [sqlMode]);
  // How its literals are read, and what its expressions compare by, is part of it.
  if (characterSet !== null) await session.query(`SET SESSION character_set_client = ${characterSet}`);
  if (collation !== null) await session.query(`SET SESSION collation_connection = ${collation}`);
  await session.script(sql!);
}
