import { describe, expect, it } from 'vitest';
import { type OutsideFunctions, statementsOutside } from '../../../../../src/handlers/migration/script/postgresql/outside-effects.js';
import { parseScript } from '../../../../../src/handlers/migration/script/postgresql/parse.js';

const outside = async (sql: string) => statementsOutside(await parseScript(Buffer.from(sql)), new Set()).map(({ statement, what }) => `${statement.line}: ${what}`);

const outsideOf = async (...scripts: string[]) => {
  const functions: OutsideFunctions = new Set();
  const found = [];
  for (const script of scripts) found.push(...statementsOutside(await parseScript(Buffer.from(script)), functions));
  return found.map(({ statement, what }) => `${statement.line} ${what}`);
};

describe('what a script does beyond its database', () => {
  it.each([
    ["ALTER ROLE app PASSWORD 'old'", 'ALTER ROLE'],
    ['GRANT readers TO app', 'GRANT of a role'],
    ['GRANT CONNECT ON DATABASE shop TO app', 'a statement about a database'],
    ["COMMENT ON DATABASE shop IS 'x'", 'a statement about a database'],
    ['ALTER DATABASE shop SET timezone TO UTC', 'ALTER DATABASE SET'],
    ['ALTER DATABASE shop OWNER TO app', 'a statement about a database'],
    ['REASSIGN OWNED BY a TO b', 'REASSIGN OWNED'],
    ["ALTER SYSTEM SET work_mem = '1GB'", 'ALTER SYSTEM'],
    ["COPY t TO PROGRAM 'sh'", 'COPY with a file or program of the server'],
    ["CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p", 'CREATE SUBSCRIPTION'],
    ["SELECT dblink_exec('host=x', 'DELETE FROM t')", 'a call of dblink_exec'],
    ["SELECT cron.schedule('x', '* * * * *', 'SELECT 1')", 'a call of cron.schedule'],
    ["DO $$ BEGIN EXECUTE format('CREATE USER %I', 'app'); END $$", 'a DO block that deals with roles, databases or other servers'],
  ])('is found in %s', async (sql, what) => {
    expect(await outside(`SELECT 1;\n${sql};`)).toEqual([`2: ${what}`]);
  });

  it('is remembered of a function, and found where it is called', async () => {
    const make = "CREATE FUNCTION set_up() RETURNS void LANGUAGE sql AS $$ ALTER ROLE app SET work_mem = '1GB' $$;\n";
    expect(await outside(`${make}SELECT set_up();`)).toEqual(['2: a call of set_up']);
    expect(await outside(make)).toEqual([]);
  });

  it.each([
    'GRANT SELECT ON t TO app', 'CREATE USER MAPPING FOR app SERVER s', 'DO $$ BEGIN ALTER TABLE t ADD c int; END $$', 'ALTER TABLE t OWNER TO app',
    'CREATE POLICY p ON t TO app USING (true)', "COMMENT ON TABLE t IS 'role'", 'INSERT INTO roles VALUES (1)', 'SELECT now()',
  ])('is not in %s', async (sql) => {
    expect(await outside(sql)).toEqual([]);
  });

  it('a table that is made of a query runs it; what a view holds does not run', async () => {
    expect(await outsideOf("CREATE TABLE done AS SELECT * FROM dblink_exec('other', 'DELETE FROM t') AS r(x text);")).toEqual(['1 a call of dblink_exec']);
    expect(await outsideOf('CREATE TABLE t AS SELECT now() AS at; CREATE VIEW v AS SELECT pg_reload_conf();')).toEqual([]);
  });

  it('rows of another server, reached by a foreign table of this or an earlier script', async () => {
    const table = 'CREATE FOREIGN TABLE far (id int) SERVER other;';
    expect(await outsideOf(table, 'CREATE TABLE near (id int);\nINSERT INTO near VALUES (1);\nINSERT INTO far VALUES (1);\nTRUNCATE far;')).toEqual([
      '3 rows of the foreign table far', '4 rows of the foreign table far',
    ]);
    expect(await outsideOf(table, 'WITH gone AS (DELETE FROM far RETURNING id) SELECT count(*) FROM gone;')).toEqual(['1 rows of the foreign table far']);
    expect(await outsideOf(table, 'DO $$ BEGIN DELETE FROM far; END $$;')).toEqual(['1 a DO block that deals with roles, databases or other servers']);
    expect(await outsideOf(table, "CREATE FUNCTION tell() RETURNS void LANGUAGE sql AS 'INSERT INTO far VALUES (2)';", 'SELECT tell();')).toEqual(['1 a call of tell']);
    expect(await outsideOf('IMPORT FOREIGN SCHEMA shop FROM SERVER other INTO far;', 'UPDATE far.t SET id = 1 WHERE id = 2;\nUPDATE near.t SET id = 1 WHERE id = 2;')).toEqual(['1 rows of the foreign table t']);
    expect(await outsideOf('IMPORT FOREIGN SCHEMA shop FROM SERVER other INTO public;', 'DELETE FROM t WHERE id = 2;')).toEqual(['1 rows of the foreign table t']);
  });
});
