import { describe, expect, it } from 'vitest';
import { changeOf } from '../../../../../src/handlers/migration/script/mysql/change.js';
import { classify } from '../../../../../src/handlers/migration/script/mysql/classify.js';
import { planScript } from '../../../../../src/handlers/migration/script/mysql/plan.js';
import { parseScript } from '../../../../../src/handlers/migration/script/mysql/statements.js';

const parse = (sql: string) => parseScript(Buffer.from(sql));
const texts = (sql: string) => parse(sql).statements.map(({ text, line }) => `${line}: ${text.replaceAll(/\s+/g, ' ')}`);
const change = (sql: string) => changeOf(parse(sql).statements[0]!);
const judged = (up: string, down: string | null = null) => classify({ name: 'm', file: 'm/migration.sql', up: Buffer.from(up), down: down === null ? null : Buffer.from(down) });
const messages = (up: string) => judged(up).findings.map(({ message }) => message);

describe('a script is told apart as the server does', () => {
  it('at semicolons outside of strings, names and comments', () => {
    expect(texts("\uFEFF-- first;\nSELECT ';', `a;b` /* ; */ ;\n\n;\n# x;\nINSERT INTO t VALUES ('it''s;\\';')")).toEqual(['3: SELECT \';\', `a;b` /* ; */', "7: # x; INSERT INTO t VALUES ('it''s;\\';')"].map((line) => line.replace('3:', '2:').replace('7:', '6:')).map((line, at) => (at === 0 ? `2: -- first; SELECT ';', \`a;b\` /* ; */` : line)));
  });

  it('not inside of the bodies of routines, triggers and events', () => {
    const routine = "CREATE PROCEDURE p(IN x INT) BEGIN IF x > 1 THEN SELECT CASE WHEN x THEN 1 ELSE 2 END; ELSEIF x = IF(1, 2, 3) THEN SET @a = REPEAT('x', 3); END IF; w: WHILE x DO SET x = x - 1; END WHILE w; END";
    const trigger = 'CREATE DEFINER=`a`@`%` TRIGGER t BEFORE INSERT ON item FOR EACH ROW BEGIN SET NEW.name = UPPER(NEW.name); END';
    const short = 'CREATE TRIGGER u BEFORE UPDATE ON item FOR EACH ROW SET NEW.n = 1';
    const event = 'CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM item; DELETE FROM other; END';
    expect(texts([routine, trigger, short, event, 'SELECT 1'].join(';\n'))).toEqual([routine, trigger, short, event, 'SELECT 1'].map((text, at) => `${at + 1}: ${text}`));
  });

  it('also where columns are called like words of blocks', () => {
    expect(texts('CREATE TABLE t (event INT, `end` INT, end DATETIME, begin INT, function INT); SELECT 1')).toHaveLength(2);
  });

  it.each([
    ["SELECT 'open", /never ends/],
    ['CREATE TRIGGER t BEFORE INSERT ON i FOR EACH ROW BEGIN SET NEW.a = 1;', /has no END/],
    ['DELIMITER //\nCREATE PROCEDURE p() BEGIN END //', /DELIMITER/],
    ['/*!40101 SET a = 1; SET b = 2 */;', /semicolon/],
  ])('%s is not run', (sql, why) => {
    expect(parse(sql).error?.what).toMatch(why);
    expect(judged(sql)).toMatchObject({ risk: 'high', findings: expect.arrayContaining([expect.objectContaining({ level: 'danger' })]) });
  });
});

describe('what a statement changes', () => {
  it.each([
    ['CREATE TABLE `shop`.`item` (`id` INT)', { kind: 'create_table', table: { database: 'shop', name: 'item' }, ifNotExists: false, filled: false }],
    ['CREATE TABLE IF NOT EXISTS item AS SELECT 1', { kind: 'create_table', ifNotExists: true, filled: true }],
    ['CREATE UNIQUE INDEX `a` ON `item`(`name`)', { kind: 'create_index', index: 'a', unique: true, table: { name: 'item' } }],
    ['DROP INDEX a ON item', { kind: 'drop_index', index: 'a' }],
    ['DROP TABLE IF EXISTS a, `b`', { kind: 'drop_tables', tables: [{ name: 'a' }, { name: 'b' }] }],
    ['RENAME TABLE a TO b, x.c TO x.d', { kind: 'rename_tables', pairs: [[{ name: 'a' }, { name: 'b' }], [{ name: 'c' }, { name: 'd', database: 'x' }]] }],
    ['ALTER TABLE `item` ADD COLUMN `a` INTEGER NOT NULL DEFAULT 1, DROP COLUMN b, ADD UNIQUE INDEX `u`(`a`), MODIFY `c` TEXT, ADD CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `x`(`id`) ON DELETE SET NULL', {
      kind: 'alter_table',
      actions: [
        { kind: 'add_column', column: 'a', fill: 'constant' }, { kind: 'drop_column', column: 'b' }, { kind: 'add_index', index: 'u', unique: true },
        { kind: 'modify_column', column: 'c' }, { kind: 'add_foreign_key', name: 'f' },
      ],
    }],
    ['ALTER TABLE item ADD a DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)', { actions: [{ kind: 'add_column', fill: 'computed' }] }],
    ['ALTER TABLE item ADD a INT NOT NULL', { actions: [{ kind: 'add_column', fill: 'implicit' }] }],
    ['ALTER TABLE item RENAME COLUMN a TO b, RENAME INDEX c TO d', { actions: [{ kind: 'rename_column', from: 'a', to: 'b' }, { kind: 'rename_index', from: 'c', to: 'd' }] }],
    ['ALTER TABLE item ADD COLUMN (a INT, b INT)', { actions: [{ kind: 'other' }] }],
    ['ALTER TABLE item ADD PRIMARY KEY (a)', { actions: [{ kind: 'other' }] }],
    ['UPDATE item i SET i.a = 1, b = (SELECT MAX(c) FROM x WHERE c = 1) WHERE id = 1', { kind: 'rows', verb: 'UPDATE', where: true, columns: ['a', 'b'] }],
    ['DELETE a FROM a JOIN b ON a.id = b.id', { kind: 'rows', verb: 'DELETE', table: null }],
    ['/*!40101 SET NAMES utf8mb4 */', { kind: 'sets' }],
    ['SET GLOBAL max_connections = 5', { kind: 'outside' }],
    ['GRANT ALL ON *.* TO a', { kind: 'outside', what: expect.stringContaining('GRANT') }],
    ['DROP DATABASE shop', { kind: 'outside', what: 'DROP DATABASE' }],
    ['CALL p()', { kind: 'other', what: 'CALL P' }],
    ['WITH x AS (SELECT 1) DELETE FROM item', { kind: 'rows' }],
    ['SELECT 1 INTO OUTFILE "x"', { kind: 'outside' }],
  ])('%s', (sql, expected) => {
    expect(change(sql)).toMatchObject(expected);
  });

  it('decides how it runs', () => {
    const plan = (sql: string) => planScript(parse(sql));
    expect(plan('INSERT INTO a VALUES (1); UPDATE a SET n = 1; SET @x = 1').transaction).toBe('transactional');
    expect(plan('START TRANSACTION; INSERT INTO a VALUES (1); COMMIT')).toMatchObject({ transaction: 'transactional', refused: [], changes: [{ kind: 'nothing' }, { kind: 'rows' }, { kind: 'nothing' }] });
    expect(plan('CREATE TABLE a (id INT); INSERT INTO a VALUES (1)').transaction).toBe('standalone');
    expect(plan('START TRANSACTION; CREATE TABLE a (id INT); COMMIT').refused).toHaveLength(2);
    expect(plan('LOCK TABLES a WRITE; INSERT INTO a VALUES (1); UNLOCK TABLES').refused[0]).toMatchObject({ line: 1, what: expect.stringContaining('LOCK TABLES') });
    expect(plan("SET sql_mode = 'ANSI_QUOTES'").refused).toHaveLength(1);
    expect(plan('USE other; DELETE FROM a').refused).toHaveLength(1);
  });
});

describe('classification', () => {
  it('tells what destroys data', () => {
    expect(judged('DROP TABLE item', 'CREATE TABLE item (id INT)')).toMatchObject({ risk: 'destructive', undo: 'lossy', transaction: 'standalone' });
    expect(judged('CREATE TABLE a (id INT); DROP TABLE a').risk).toBe('low');
    expect(judged('ALTER TABLE item ADD COLUMN a INT', 'ALTER TABLE item DROP COLUMN a')).toMatchObject({ risk: 'low', undo: 'lossy' });
    expect(judged('CREATE INDEX a ON item(a)', 'DROP INDEX a ON item').undo).toBe('lossless');
    expect(judged('ALTER TABLE item MODIFY a TINYINT', 'ALTER TABLE item MODIFY a INT')).toMatchObject({ risk: 'high', undo: 'lossy' });
    expect(judged('DELETE FROM item').risk).toBe('destructive');
    expect(judged('CREATE TABLE a (id INT)').undo).toBe('restore_only');
  });

  it('says what the reviewer should know', () => {
    expect(messages('CREATE TABLE a (id INT); CREATE TABLE b (id INT)').join()).toMatch(/commits each schema change by itself/);
    expect(messages('ALTER TABLE item ADD COLUMN a INT NOT NULL').join()).toMatch(/existing rows get an empty value/);
    expect(messages('GRANT ALL ON *.* TO a').join()).toMatch(/beyond the database/);
    expect(judged('CREATE TABLE a (id INT)', 'START TRANSACTION; DROP TABLE a').findings.map(({ message }) => message).join()).toMatch(/down.sql is not used/);
  });
});
