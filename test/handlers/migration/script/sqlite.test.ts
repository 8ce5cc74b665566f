/** SQLite's scripts: told apart, judged, masked. */
import { describe, expect, test } from 'vitest';
import { classify } from '../../../../src/handlers/migration/script/sqlite/classify.js';
import { madeBy } from '../../../../src/handlers/migration/script/sqlite/made.js';
import { maskMessage, maskStatement } from '../../../../src/handlers/migration/script/sqlite/mask.js';
import { parseScript } from '../../../../src/handlers/migration/script/sqlite/parse.js';
import { planTransaction } from '../../../../src/handlers/migration/script/sqlite/transaction.js';

const parse = (sql: string) => parseScript(Buffer.from(sql));
const texts = (sql: string) => parse(sql).statements.map(({ start, end }) => parse(sql).text.slice(start, end));
const migration = (up: string, down: string | null = null) => ({ name: 'm', file: 'm/migration.sql', up: Buffer.from(up), down: down === null ? null : Buffer.from(down) });
const messages = (up: string, before: string[] = []) => classify(migration(up), before.map((sql) => ({ up: Buffer.from(sql) }))).findings.filter(({ message }) => !message.startsWith('No down.sql'));

describe('statements', () => {
  test.each([
    ['semicolons in strings, names and comments end nothing', `INSERT INTO a VALUES ('x;''y'); -- a; b\nSELECT ";", [;], \`;\` /* ; */; SELECT 1`, 3],
    ['a trigger ends with its END', 'CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = CASE WHEN 1 THEN 2 END; DELETE FROM b; END; SELECT 1;', 2],
    ['a temporary trigger too', 'create temp trigger t after insert on a begin select 1; end;\nselect 2', 2],
    ['BEGIN alone is no trigger', 'BEGIN; SELECT 1; COMMIT;', 3],
    ['nothing but comments', '-- nothing\n/* at all */;;', 0],
    ['a comment that does not end', 'SELECT 1; /* to the end; of it', 1],
  ])('%s', (_what, sql, count) => {
    expect(texts(sql)).toHaveLength(count);
  });

  test('lines are those of the file, also with a byte order mark and CRLF', () => {
    expect(parse('\uFEFF-- one\r\n\r\nSELECT 1;\r\n\r\nSELECT\r\n2;').statements.map(({ line }) => line)).toEqual([3, 5]);
  });

  test('a literal without end is an error with its line', () => {
    expect(parse("SELECT 1;\nSELECT 'open").error).toEqual({ line: 2 });
    expect(parse("SELECT 'closed'").error).toBeNull();
  });
});

describe('transactions', () => {
  const plan = (sql: string) => planTransaction(parse(sql));

  test('foreign_keys is taken out and said; defer_foreign_keys stays', () => {
    const { statements, withoutForeignKeys } = plan('PRAGMA defer_foreign_keys=ON;\nPRAGMA foreign_keys=OFF;\nDROP TABLE a;\nPRAGMA foreign_keys=ON;');
    expect([statements.length, withoutForeignKeys]).toEqual([2, true]);
    expect(plan('PRAGMA foreign_keys = ON; SELECT 1').withoutForeignKeys).toBe(false);
    expect(plan('pragma main.foreign_keys(0); SELECT 1').withoutForeignKeys).toBe(true);
  });

  test.each([
    ['VACUUM', 'standalone', 0], ['PRAGMA journal_mode = WAL', 'standalone', 0], ['PRAGMA foreign_keys=OFF; VACUUM', 'standalone', 0],
    ['CREATE TABLE a (id INTEGER); VACUUM', 'transactional', 1], ["VACUUM INTO 'copy.db'", 'transactional', 1], ["ATTACH 'other.db' AS o", 'transactional', 1],
    ['SELECT 1; ROLLBACK', 'transactional', 1], ['BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; END', 'transactional', 0], ['SAVEPOINT s; ROLLBACK TO s; RELEASE s', 'transactional', 0],
    ['PRAGMA journal_mode', 'transactional', 0],
  ])('%s', (sql, transaction, refused) => {
    expect([plan(sql).transaction, plan(sql).refused.length]).toEqual([transaction, refused]);
  });
});

describe('what a script does to data', () => {
  const TABLE = 'CREATE TABLE "User" ("id" INTEGER PRIMARY KEY, "name" TEXT, "old" TEXT);';
  const rebuild = (columns: string) => `PRAGMA foreign_keys=OFF;\nCREATE TABLE "new_User" (${columns.replace(/, /g, ' TEXT, ')} TEXT);
    INSERT INTO "new_User" (${columns}) SELECT ${columns} FROM "User";\nDROP TABLE "User";\nALTER TABLE "new_User" RENAME TO "User";\nPRAGMA foreign_keys=ON;`;

  test('a table rebuilt with all its columns loses nothing', () => {
    const all = rebuild('"id", "name", "old"');
    expect(classify(migration(all, all), [{ up: Buffer.from(TABLE) }])).toMatchObject({ undo: 'lossless', risk: 'low', transaction: 'transactional' });
    expect(messages(all, [TABLE]).filter(({ level }) => level === 'danger')).toEqual([]);
  });

  test('one rebuilt without a column destroys that one, and says so', () => {
    const found = classify(migration(rebuild('"id", "name"')), [{ up: Buffer.from(TABLE) }]);
    expect(found.risk).toBe('destructive');
    expect(found.findings).toContainEqual(expect.objectContaining({ level: 'danger', kind: 'drop_column', message: expect.stringContaining('column old') }));
  });

  test('of a table that nobody knows, a rebuild is not taken for harmless', () => {
    expect(classify(migration(rebuild('"id"'), 'SELECT 1')).undo).toBe('lossy');
  });

  test('columns that were added, dropped and renamed since are known', () => {
    const before = [TABLE, 'ALTER TABLE User ADD COLUMN later TEXT; ALTER TABLE User DROP COLUMN "old";'];
    expect(messages(rebuild('"id", "name"'), before)).toContainEqual(expect.objectContaining({ message: expect.stringContaining('column later') }));
    expect(messages(rebuild('"id", "name", "later"'), before).filter(({ level }) => level === 'danger')).toEqual([]);
  });

  test.each([
    ['DROP TABLE a', 'drop_table'], ['ALTER TABLE a DROP COLUMN b', 'drop_column'], ['ALTER TABLE a DROP b', 'drop_column'], ['DELETE FROM a', 'delete_without_where'],
    ['DELETE FROM a WHERE x = 1', 'delete'], ['UPDATE a SET x = 1', 'update_without_where'], ['WITH w AS (SELECT 1) DELETE FROM a', 'delete_without_where'],
  ])('%s', (sql, kind) => {
    expect(messages(sql)).toContainEqual(expect.objectContaining({ kind }));
  });

  test.each(['CREATE TABLE a (id INTEGER); DROP TABLE a', 'CREATE TABLE a (x); DELETE FROM a', 'ALTER TABLE a ADD COLUMN b TEXT; UPDATE a SET b = 1', 'INSERT INTO a (x) VALUES (1)', 'CREATE VIEW v AS SELECT 1', 'SELECT 1'])('%s destroys nothing', (sql) => {
    expect(classify(migration(sql, 'SELECT 1')).undo).toBe('lossless');
  });

  test('a down that drops what the up made is lossy', () => {
    expect(classify(migration('CREATE TABLE a (id INTEGER)', 'DROP TABLE a')).undo).toBe('lossy');
    expect(classify(migration('CREATE TABLE a (id INTEGER)')).undo).toBe('restore_only');
    expect(classify(migration('CREATE TABLE a (id INTEGER)', '-- empty')).undo).toBe('restore_only');
  });

  test('what it makes is named, a rebuilt table by its own name', () => {
    expect(madeBy(parse(`${TABLE} CREATE UNIQUE INDEX IF NOT EXISTS i ON "User"(name); ALTER TABLE b ADD c INT; CREATE TABLE new_b (x); ALTER TABLE new_b RENAME TO b;`))).toEqual([
      { what: 'table', name: 'User' }, { what: 'index', name: 'i' }, { what: 'column', name: 'b', column: 'c' }, { what: 'table', name: 'b' },
    ]);
  });
});

describe('masking', () => {
  test('statements show names and no values', () => {
    expect(maskStatement(`INSERT INTO "user" (name, x) VALUES ('secret', 42, x'AB', "text") -- why`)).toBe('INSERT INTO "user" (name, x) VALUES (?, ?, ?, ?)');
    expect(maskStatement(`UPDATE t SET a = "secret" WHERE b = 'x'`)).toBe('UPDATE t SET a = ? WHERE b = ?');
    expect(maskStatement('CREATE TABLE "a" (`b` TEXT, [c] INT)')).toBe('CREATE TABLE "a" (`b` TEXT, [c] INT)');
  });

  test.each([
    ['UNIQUE constraint failed: item.id', 'UNIQUE constraint failed: item.id'], ['no such table: main.nowhere', 'no such table: main.nowhere'], ['near "TABEL": syntax error', 'near "?": syntax error'],
    ['near "FROM": syntax error', 'near "FROM": syntax error'], ['unrecognized token: "\'secret"', 'SQLITE_ERROR; its text is not shown, since it may hold values'],
    ['no such column: "secret value"', 'no such column: ?'], ['malformed JSON: secret', 'SQLITE_ERROR; its text is not shown, since it may hold values'],
    ['duplicate column name: note', 'duplicate column name: note'], ['table item already exists', 'table item already exists'], ['Cannot add a NOT NULL column with default value NULL', 'Cannot add a NOT NULL column with default value NULL'],
    ["CHECK constraint failed: a = 'secret'", 'CHECK constraint failed'],
  ])('message: %s', (message, shown) => {
    expect(maskMessage(message, 'SQLITE_ERROR')).toBe(shown);
  });

  test('what a trigger raises is not shown', () => {
    expect(maskMessage('no such table: secret', 'SQLITE_CONSTRAINT_TRIGGER')).not.toContain('secret');
  });
});
