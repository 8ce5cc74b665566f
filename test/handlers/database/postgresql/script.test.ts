import { describe, expect, test } from 'vitest';
import { maskStatement, statementKind } from '../../../../src/handlers/database/postgresql/mask.js';
import { scene, scriptFailure, type Scene } from './support.js';
import { database } from './support.js';

const SECRET = 'hunter2';

async function run({ target }: Scene, sql: string) {
  const session = await database.connect(target, 'read test');
  try {
    return await scriptFailure(session.script(sql));
  } finally {
    await session.close();
  }
}

describe('a failing script tells the statement and its line', () => {
  test.each([
    ['an error with a position', 'SELECT 1;\n\nSELECT 2,\n  missing;', { line: 4, statementIndex: 1, sqlState: '42703', statement: 'SELECT ?, missing', message: 'column "missing" does not exist' }],
    ['an error without a position', '-- first\nSELECT 1;\n\n/* second */\n-- here\nSELECT 1 / (2 - 2);\nSELECT 3;', { line: 6, statementIndex: 1, sqlState: '22012', statement: 'SELECT ? / (? - ?)' }],
    ['after empty statements', ';;\nSELECT 1;;\n;SELECT 1/0;', { line: 3, statementIndex: 1 }],
    ['with characters of many bytes before it', "SELECT 'é👍';\nSELECT 'é👍', missing", { line: 2, statementIndex: 1, statement: 'SELECT ?, missing' }],
    ['inside a function body the caller is told', "DO $$ BEGIN\n  PERFORM 1/0;\nEND $$;", { line: 1, statementIndex: 0, statement: 'DO ?' }],
    ['semicolons in strings, functions and comments do not count', "SELECT ';;' /* ; */; -- ;\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; SELECT 2; $$;\nSELECT 1/0;", { line: 3, statementIndex: 2 }],
    ['a syntax error', 'CREATE TABLE a (id int);\nCREATE TABEL b (id int);', { line: 2, statementIndex: null, sqlState: '42601', statement: 'CREATE', message: 'syntax error at or near "?"' }],
    ['a syntax error at the end', 'CREATE TABLE a (', { line: 1, sqlState: '42601', statement: 'CREATE TABLE', message: 'syntax error at end of input' }],
  ])('%s', async (_, sql, expected) => {
    expect(await run(await scene(), sql)).toMatchObject({ ...expected, connectionLost: false });
  });

  test('one that works tells nothing, however many statements and rows', async () => {
    const { target } = await scene();
    const session = await database.connect(target, 'read test');
    await session.script('SELECT 1; SELECT generate_series(1, 1000); CREATE TABLE a (id int); ; ');
    expect(await session.query("SELECT to_regclass('a') AS a")).toEqual([{ a: 'a' }]);
    await session.close();
  });
});

describe('values never leave, not even in messages of the server', () => {
  test.each([
    ['duplicate key', `CREATE TABLE u (email text UNIQUE); INSERT INTO u VALUES ('${SECRET}'), ('${SECRET}');`, { sqlState: '23505', message: 'duplicate key value violates unique constraint "u_email_key"', objects: { schema: 'public', table: 'u', constraint: 'u_email_key' } }],
    ['duplicate key found by an index', `CREATE TABLE u (email text); INSERT INTO u VALUES ('${SECRET}'), ('${SECRET}'); CREATE UNIQUE INDEX u_email ON u (email);`, { sqlState: '23505', message: 'could not create unique index "u_email"', line: 1, statementIndex: 2 }],
    ['invalid number', `SELECT '${SECRET}'::int`, { sqlState: '22P02', message: 'invalid input syntax for type integer: "?"' }],
    ['invalid number with quotes in it', `SELECT '"${SECRET}" and "${SECRET}'::int`, { message: 'invalid input syntax for type integer: "?"' }],
    ['invalid date', `SELECT '2020-99-99 ${SECRET}'::date`, { sqlState: '22008' }],
    ['invalid enum', `CREATE TYPE color AS ENUM ('red'); SELECT '${SECRET}'::color`, { sqlState: '22P02' }],
    ['invalid json', `SELECT '{"a": ${SECRET}}'::json`, { sqlState: '22P02' }],
    ['check constraint', `CREATE TABLE u (email text CHECK (email <> '${SECRET}')); INSERT INTO u VALUES ('${SECRET}')`, { sqlState: '23514', message: 'new row for relation "u" violates check constraint "u_email_check"', statement: 'INSERT INTO u VALUES (?)' }],
    ['not null', `CREATE TABLE u (a text, b text NOT NULL); INSERT INTO u VALUES ('${SECRET}', NULL)`, { message: 'null value in column "b" of relation "u" violates not-null constraint' }],
    ['a password', `ALTER ROLE nobody_${SECRET.length} PASSWORD '${SECRET}'`, { statement: 'ALTER ROLE nobody_7 PASSWORD ?' }],
    ['RAISE', `DO $$ BEGIN RAISE EXCEPTION 'row ${SECRET}' USING DETAIL = '${SECRET}', TABLE = '${SECRET}', ERRCODE = '23514'; END $$`, { sqlState: '23514', objects: {} }],
    ['a string that is closed wrongly', `INSERT INTO u VALUES ('it's ${SECRET}', 'x');`, { sqlState: '42601', statement: null }],
    ['a string that is closed wrongly twice', `INSERT INTO u VALUES ('it's ${SECRET}', 'x', 'it's');`, { sqlState: '42601' }],
    ['a literal that stands for an object', `SELECT nextval('${SECRET}')`, { sqlState: '42P01', message: 'relation "?" does not exist' }],
    ['a comment', `SELECT 1/0 /* ${SECRET} */ -- ${SECRET}`, { statement: 'SELECT ?/?' }],
    ['odd literals', `SELECT E'${SECRET}', U&'${SECRET}', B'1', X'1F', $a$${SECRET}$a$, 1/0`, { statement: 'SELECT ?, ?, ?, ?, ?, ?/?' }],
  ])('%s', async (_, sql, expected) => {
    const { detail, ...failure } = await run(await scene(), sql);
    expect(failure).toMatchObject(expected);
    expect(JSON.stringify(failure)).not.toContain(SECRET);
    expect(detail).toMatch(/^ERROR: /);
  });

  test('the full text is kept apart, for a file that only the operator reads', async () => {
    const { detail } = await run(await scene(), `CREATE TABLE u (email text UNIQUE); INSERT INTO u VALUES ('${SECRET}'), ('${SECRET}');`);
    expect(detail).toContain(`DETAIL: Key (email)=(${SECRET}) already exists.`);
  });

  test('a query with parameters neither', async () => {
    const { target } = await scene();
    const session = await database.connect(target, 'read test');
    const failure = await scriptFailure(session.query('SELECT $1::text::int', [SECRET]));
    await session.close();
    expect(failure).toMatchObject({ sqlState: '22P02', message: 'invalid input syntax for type integer: "?"' });
    expect(JSON.stringify({ ...failure, detail: '' })).not.toContain(SECRET);
  });
});

test('names stay readable in a masked statement', async () => {
  expect(await maskStatement(`ALTER TABLE "My Table"  ADD COLUMN\n a varchar(20) DEFAULT 'x', ADD CHECK (a ~* '^x' AND b->>'k' = $1::text)`)).toBe(
    'ALTER TABLE "My Table" ADD COLUMN a varchar(?) DEFAULT ?, ADD CHECK (a ~* ? AND b->>? = $1::text)',
  );
  expect((await maskStatement(`SELECT ${'a, '.repeat(400)} b`))!).toHaveLength(500);
  expect(await maskStatement("SELECT 'open")).toBeNull();
});

test('of a statement that does not parse only the kind is told', () => {
  expect(statementKind(`-- ${SECRET}\n /* x */ insert into u values ('it's`)).toBe('INSERT INTO');
  expect(statementKind(`${SECRET} it`)).toBeNull();
});
