import { describe, expect, test } from 'vitest';
import { classify } from '../../../../../src/handlers/migration/script/postgresql/classify.js';
import { generatedMark } from '../../../../../src/handlers/migration/script/generated-down.js';
import { parseScript } from '../../../../../src/handlers/migration/script/postgresql/parse.js';
import { planTransaction } from '../../../../../src/handlers/migration/script/postgresql/transaction.js';
import type { Classification } from '../../../../../src/handlers/migration/contract.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const judge = (up: string, down: string | null = null) => classify({ name: 'm', up: bytes(up), down: down === null ? null : bytes(down), file: 'm/migration.sql' });
const told = ({ findings }: Classification) => findings.filter(({ message }) => !message.includes('down.sql')).map(({ level, line, message }) => `${level} ${line ?? '-'} ${message}`);

/** Script, transaction class, risk, and for each finding its level, line and some of its words. */
const SCRIPTS: [title: string, up: string, transaction: string, risk: string, findings: [string, RegExp][]][] = [
  ['an empty file', '', 'transactional', 'low', []],
  ['comments only', '-- nothing\n/* at; all */', 'transactional', 'low', []],
  ['a new table', 'CREATE TABLE t (id int PRIMARY KEY)', 'transactional', 'low', []],
  ['a new table with an index of its own', 'CREATE TABLE t (id int);\nCREATE INDEX i ON t (id);', 'transactional', 'low', []],
  ['a nullable column', 'ALTER TABLE t ADD COLUMN c text', 'transactional', 'low', []],
  ['a column with a constant default', "ALTER TABLE t ADD COLUMN c text NOT NULL DEFAULT 'x'", 'transactional', 'low', []],
  ['a column with a default of now()', 'ALTER TABLE t ADD COLUMN c timestamptz NOT NULL DEFAULT now()', 'transactional', 'low', []],
  ['NOT NULL without a default', '\nALTER TABLE t ADD COLUMN c text NOT NULL', 'transactional', 'high', [['danger 2', /NOT NULL without a default/]]],
  ['a volatile default', 'ALTER TABLE t ADD COLUMN c uuid DEFAULT gen_random_uuid()', 'transactional', 'high', [['warning 1', /rewrites t/]]],
  ['a serial column', 'ALTER TABLE t ADD COLUMN c bigserial', 'transactional', 'high', [['warning 1', /rewrites t/]]],
  ['a generated column', 'ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (a + 1) STORED', 'transactional', 'high', [['warning 1', /rewrites t/]]],
  ['a dropped table', '-- gone\n\nDROP TABLE "a b", s.c', 'transactional', 'destructive', [['danger 3', /DROP TABLE a b, s\.c destroys/]]],
  ['a dropped column', 'ALTER TABLE t DROP COLUMN c', 'transactional', 'destructive', [['danger 1', /DROP COLUMN t\.c/]]],
  ['a dropped schema', 'DROP SCHEMA s CASCADE', 'transactional', 'destructive', [['danger 1', /DROP SCHEMA s/]]],
  ['a dropped type with CASCADE', 'DROP TYPE mood CASCADE', 'transactional', 'high', [['danger 1', /CASCADE of mood/]]],
  ['a dropped view', 'DROP VIEW v', 'transactional', 'low', []],
  ['TRUNCATE', 'TRUNCATE t', 'transactional', 'destructive', [['danger 1', /TRUNCATE t/]]],
  ['DELETE without WHERE', 'DELETE FROM t', 'transactional', 'destructive', [['danger 1', /DELETE without WHERE/]]],
  ['DELETE with WHERE', 'DELETE FROM t WHERE id = 1', 'transactional', 'high', [['warning 1', /DELETE destroys rows of t/]]],
  ['UPDATE without WHERE', 'UPDATE t SET a = 1', 'transactional', 'destructive', [['danger 1', /UPDATE without WHERE/]]],
  ['UPDATE with WHERE', 'UPDATE t SET a = 1 WHERE a IS NULL', 'transactional', 'medium', [['warning 1', /UPDATE overwrites rows/]]],
  ['filling a column that it adds', 'ALTER TABLE t ADD COLUMN b int;\nUPDATE t SET b = a;', 'transactional', 'medium', [['info 2', /fills new columns/]]],
  ['a DELETE inside WITH', 'WITH gone AS (DELETE FROM t RETURNING 1) SELECT count(*) FROM gone', 'transactional', 'high', [['danger 1', /WITH query/]]],
  ['an upsert', 'INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 2', 'transactional', 'medium', [['warning 1', /ON CONFLICT/]]],
  ['inserted rows', "INSERT INTO t VALUES (1, 'it''s; fine')", 'transactional', 'low', []],
  ['a narrowed type', 'ALTER TABLE t ALTER COLUMN c TYPE varchar(10)', 'transactional', 'high', [['danger 1', /may narrow/]]],
  ['a type computed anew', 'ALTER TABLE t ALTER COLUMN c TYPE int USING c::int', 'transactional', 'high', [['danger 1', /USING computes/]]],
  ['a type widened to text', 'ALTER TABLE t ALTER COLUMN c TYPE text', 'transactional', 'medium', [['warning 1', /TYPE text/]]],
  ['SET NOT NULL', 'ALTER TABLE t ALTER c SET NOT NULL', 'transactional', 'high', [['warning 1', /SET NOT NULL/]]],
  ['an index on an existing table', '\r\nCREATE UNIQUE INDEX i ON t (c);\r\n', 'transactional', 'high', [['warning 2', /without CONCURRENTLY locks t/]]],
  ['an index CONCURRENTLY', '-- CreateIndex\nCREATE INDEX CONCURRENTLY i ON t (c);', 'standalone', 'medium', [['info 2', /outside a transaction, alone/], ['info 2', /runs outside/]]],
  ['CONCURRENTLY beside others', 'ALTER TABLE t ADD c int;\nCREATE INDEX CONCURRENTLY i ON t (c);', 'transactional', 'high', [['danger 2', /will fail with 25001/], ['info 2', /runs outside/]]],
  ['CONCURRENTLY inside BEGIN and COMMIT', 'BEGIN;\nCREATE INDEX CONCURRENTLY i ON t (c);\nCOMMIT;', 'transactional', 'high', [['danger 2', /25001/], ['info 2', /runs outside/]]],
  ['DROP INDEX CONCURRENTLY', 'DROP INDEX CONCURRENTLY i', 'standalone', 'medium', [['info 1', /alone/]]],
  ['REINDEX CONCURRENTLY', 'REINDEX INDEX CONCURRENTLY i', 'standalone', 'medium', [['info 1', /alone/], ['info 1', /REINDEX locks/]]],
  ['VACUUM', 'VACUUM t', 'standalone', 'medium', [['info 1', /alone/]]],
  ['VACUUM FULL', 'VACUUM FULL t', 'standalone', 'high', [['info 1', /alone/], ['warning 1', /VACUUM FULL/]]],
  ['ALTER SYSTEM', "ALTER SYSTEM SET work_mem = '1MB'", 'standalone', 'high', [['info 1', /alone/], ['warning 1', /whole server/]]],
  ['CREATE DATABASE', 'CREATE DATABASE d', 'standalone', 'medium', [['info 1', /alone/]]],
  ['DROP DATABASE', 'DROP DATABASE d', 'standalone', 'destructive', [['info 1', /alone/], ['danger 1', /DROP DATABASE/]]],
  ['a detached partition', 'ALTER TABLE p DETACH PARTITION q CONCURRENTLY', 'standalone', 'medium', [['info 1', /alone/], ['warning 1', /DETACH/]]],
  ['a DO block', 'DO $$ BEGIN PERFORM 1; END $$', 'transactional', 'medium', [['warning 1', /DO block/]]],
  ['a DO block that commits', 'DO $$ BEGIN COMMIT; END $$', 'standalone', 'medium', [['info 1', /alone/], ['warning 1', /DO block/]]],
  ['a DO block that only talks of COMMIT', "DO $$ BEGIN -- COMMIT\n RAISE NOTICE 'commit'; END $$", 'transactional', 'medium', [['warning 1', /DO block/]]],
  ['a committing DO block beside others', "SELECT 1;\nDO $$ BEGIN COMMIT; END $$", 'transactional', 'high', [['danger 2', /2D000/], ['warning 2', /DO block/]]],
  ['CALL alone', 'CALL work()', 'standalone', 'medium', [['info 1', /alone/], ['warning 1', /CALL/]]],
  ['CALL beside others', 'CALL work();\nSELECT 1', 'transactional', 'medium', [['warning 1', /CALL/]]],
  ['BEGIN and COMMIT around everything', 'BEGIN;\nDROP TABLE t;\nCOMMIT;', 'transactional', 'destructive', [['danger 2', /DROP TABLE t/]]],
  ['transactions in the middle', 'SELECT 1;\nBEGIN;\nSELECT 2;\nCOMMIT;', 'standalone', 'high', [['danger 2', /begins or ends transactions itself/]]],
  ['two transactions', 'BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSELECT 2;\nCOMMIT;', 'standalone', 'high', [['danger 1', /itself/]]],
  ['BEGIN with an isolation level', 'BEGIN ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nCOMMIT;', 'standalone', 'high', [['danger 1', /itself/]]],
  ['savepoints only', 'SAVEPOINT s;\nSELECT 1;\nRELEASE s;', 'transactional', 'low', []],
  ['an added enum value', "ALTER TYPE mood ADD VALUE 'odd'", 'transactional', 'low', []],
  ['an added enum value used at once', "ALTER TYPE mood ADD VALUE 'odd';\nALTER TABLE t ALTER c SET DEFAULT 'odd';", 'transactional', 'low', [['danger 2', /value of the enum mood .* 55P04/]]],
  ['a value of an enum of its own', "CREATE TYPE mood AS ENUM ('a');\nALTER TYPE mood ADD VALUE 'odd';\nSELECT 'odd'::mood;", 'transactional', 'low', []],
  ['LOCK TABLE', 'LOCK TABLE t IN ACCESS EXCLUSIVE MODE', 'transactional', 'high', [['warning 1', /LOCK TABLE t/]]],
  ['SET ROLE', 'SET ROLE boss', 'transactional', 'medium', [['warning 1', /SET role/]]],
  ['SET search_path', 'SET LOCAL search_path = other', 'transactional', 'medium', [['warning 1', /SET search_path/]]],
  ['a foreign key', 'ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (id)', 'transactional', 'medium', [['warning 1', /Constraint f/]]],
  ['a foreign key NOT VALID', 'ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (id) NOT VALID', 'transactional', 'low', []],
  ['a unique constraint', 'ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)', 'transactional', 'high', [['warning 1', /builds an index/]]],
  ['a renamed column', 'ALTER TABLE t RENAME a TO b', 'transactional', 'medium', [['warning 1', /breaks applications/]]],
  ['COPY FROM STDIN', 'COPY t FROM STDIN', 'transactional', 'high', [['danger 1', /no input/]]],
  ['what the grammar refuses', 'SELECT 1;\nCREAT TABLE t ();', 'transactional', 'high', [['danger 2', /not PostgreSQL/]]],
  ['a byte order mark', '\uFEFFSELECT 1', 'transactional', 'low', [['info 1', /byte order mark/]]],
  ['a function with semicolons', 'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN DELETE FROM t; RETURN NEW; END; $f$;', 'transactional', 'low', []],
  ['quotes in comments, and words beyond ASCII', "-- it's \"fine\"; really é€😀\n\nDROP TABLE \"é\";", 'transactional', 'destructive', [['danger 3', /é/]]],
];

describe('classification', () => {
  test.each(SCRIPTS)('%s', async (_title, up, transaction, risk, findings) => {
    const found = await judge(up);
    expect({ transaction: found.transaction, risk: found.risk }).toEqual({ transaction, risk });
    expect(told(found), told(found).join('\n')).toHaveLength(findings.length);
    for (const [index, [where, words]] of findings.entries()) {
      expect(told(found)[index]).toMatch(new RegExp(`^${where} `));
      expect(told(found)[index]).toMatch(words);
    }
  });

  test.each<[title: string, up: string, down: string | null, undo: string]>([
    ['no down', 'CREATE INDEX i ON t (a)', null, 'restore_only'],
    ['an empty down', 'CREATE INDEX i ON t (a)', '-- nothing', 'restore_only'],
    ['a down that the grammar refuses', 'CREATE INDEX i ON t (a)', 'DROP INDEX i;;; DROOP', 'restore_only'],
    ['a down with transactions of its own', 'SELECT 1', 'BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 1; COMMIT;', 'restore_only'],
    ['a down with CONCURRENTLY beside others', 'SELECT 1', 'DROP INDEX CONCURRENTLY i; SELECT 1', 'restore_only'],
    ['an index', 'CREATE INDEX i ON t (a)', 'DROP INDEX i', 'lossless'],
    ['an index CONCURRENTLY', 'CREATE INDEX CONCURRENTLY i ON t (a)', 'DROP INDEX CONCURRENTLY i', 'lossless'],
    ['nothing at all', '', '', 'lossless'],
    ['a constraint', 'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)', 'ALTER TABLE t DROP CONSTRAINT c', 'lossless'],
    ['a column: what is written to it since is lost', 'ALTER TABLE t ADD COLUMN c int', 'ALTER TABLE t DROP COLUMN c', 'lossy'],
    ['a table: its rows are lost', 'CREATE TABLE u (id int)', 'DROP TABLE u', 'lossy'],
    ['a dropped column comes back empty', 'ALTER TABLE t DROP COLUMN c', 'ALTER TABLE t ADD COLUMN c int', 'lossy'],
    ['overwritten rows', 'UPDATE t SET a = a + 1', 'UPDATE t SET a = a - 1', 'lossy'],
    ['code that the grammar does not see', 'DO $$ BEGIN DELETE FROM t; END $$', 'SELECT 1', 'lossy'],
  ])('undo of %s', async (_title, up, down, undo) => {
    expect((await judge(up, down)).undo).toBe(undo);
  });

  test.each([
    ['of an index', 'CREATE INDEX i ON t (a);\n', 'DROP INDEX i;\n', 'lossless'],
    ['of a new column', 'ALTER TABLE t ADD COLUMN c int;\n', 'ALTER TABLE t DROP COLUMN c;\n', 'lossy'],
    ['of a dropped column', 'ALTER TABLE t DROP COLUMN c;\n', 'ALTER TABLE t ADD COLUMN c int;\n', 'restore_only'],
    ['of a type that may have narrowed', 'ALTER TABLE t ALTER c TYPE int;\n', 'ALTER TABLE t ALTER c TYPE bigint;\n', 'restore_only'],
    ['of code that is not seen', 'DO $$ BEGIN PERFORM 1; END $$;\n', 'SELECT 1;\n', 'restore_only'],
  ])('a generated down %s is trusted as far as it holds, and further once a person made it their own', async (_title, up, down, undo) => {
    const generated = generatedMark(bytes(up)) + down;
    expect((await judge(up, generated)).undo).toBe(undo);
    // A checkout with other line endings is the same script.
    expect((await judge(up.replaceAll('\n', '\r\n'), generated.replaceAll('\n', '\r\n'))).undo).toBe(undo);
    expect((await judge(up, generated.split('\n').slice(2).join('\n'))).undo).toBe(undo === 'lossless' ? 'lossless' : 'lossy');
    const edited = await judge(`${up}CREATE INDEX j ON t (b);\n`, generated);
    expect(edited.undo).toBe('restore_only');
    expect(edited.findings.map(({ message }) => message)).toContain('down.sql was generated for another migration.sql and is not used');
  });

  test.each([
    ['DROP TABLE t', 'drop_table'],
    ['DROP FOREIGN TABLE t', 'drop_table'],
    ['ALTER TABLE t DROP COLUMN c', 'drop_column'],
    ['DROP SCHEMA s', 'drop_schema'],
    ['DROP DATABASE d', 'drop_database'],
    ['TRUNCATE t', 'truncate'],
    ['DELETE FROM t', 'delete_without_where'],
    ['DELETE FROM t WHERE a = 1', 'delete'],
    ['WITH gone AS (DELETE FROM t RETURNING 1) SELECT 1 FROM gone', 'delete'],
    ['UPDATE t SET a = 1', 'update_without_where'],
    ['DROP VIEW v CASCADE', undefined],
    ['CREATE TABLE t (); TRUNCATE t', undefined],
  ])('%s is of the kind %s, which a config may forbid', async (up, kind) => {
    expect((await judge(up)).findings.flatMap((finding) => finding.kind ?? [])).toEqual(kind === undefined ? [] : [kind]);
  });

  test('no finding holds a literal of the script', async () => {
    const { findings } = await judge("ALTER ROLE app PASSWORD 'hunter2'; UPDATE t SET a = 'hunter2'; ALTER TYPE e ADD VALUE 'hunter2'; SELECT 'hunter2'; SET role = 'hunter2'; CREAT 'hunter2'");
    const parsed = await judge("ALTER ROLE app PASSWORD 'hunter2'; UPDATE t SET a = 'hunter2'; ALTER TYPE e ADD VALUE 'hunter2'; SELECT 'hunter2'; SET role = 'hunter2'");
    expect(JSON.stringify([findings, parsed.findings])).not.toContain('hunter2');
    expect(parsed.findings.length).toBeGreaterThan(2);
  });

  test('a script in BEGIN and COMMIT is sent without them, every other byte in its place', async () => {
    const text = '-- é\r\nBEGIN;\r\nCREATE TABLE t ();\r\nCOMMIT;\r\n';
    const plan = planTransaction(await parseScript(bytes(text)));
    expect(plan.text).toBe('-- é\r\n     ;\r\nCREATE TABLE t ();\r\n      ;\r\n');
  });

  test('a byte order mark is sent as a space', async () => {
    expect((await parseScript(bytes('\uFEFFSELECT 1'))).text).toBe(' SELECT 1');
  });
});
