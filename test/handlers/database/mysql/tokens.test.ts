import { describe, expect, it } from 'vitest';
import { maskStatement, tokenize } from '../../../../src/handlers/database/mysql/tokens.js';
import { serverFailure } from '../../../../src/handlers/database/mysql/server-failure.js';

const shapes = (sql: string) => tokenize(sql).map(({ kind, text }) => `${kind} ${text}`);

describe('tokens', () => {
  it('are what the server reads', () => {
    expect(shapes("SELECT 'it''s \\' ;', \"a;\", `b``;` -- ;\n, 0x1F, 1.5e3 # ;\n, a--1 /* ; */;")).toEqual([
      'word SELECT', "string 'it''s \\' ;'", 'punctuation ,', 'string "a;"', 'punctuation ,', 'name `b``;`', 'comment -- ;', 'punctuation ,', 'number 0x1F', 'punctuation ,',
      'number 1.5e3', 'comment # ;', 'punctuation ,', 'word a', 'punctuation -', 'punctuation -', 'number 1', 'comment /* ; */', 'end ;',
    ]);
    expect(shapes('/*!40101 SET @a = 1 */; SET @`x;`=@@sql_mode')).toEqual(['code /*!40101', 'word SET', 'variable @a', 'punctuation =', 'number 1', 'code */', 'end ;', 'word SET', 'variable @`x;`', 'punctuation =', 'variable @@sql_mode']);
    expect(shapes("INSERT INTO 1st VALUES ('open; ")).toEqual(['word INSERT', 'word INTO', 'word 1st', 'word VALUES', 'punctuation (', "open 'open; "]);
  });

  it('mask every literal', () => {
    expect(maskStatement("INSERT /* ana */ INTO `users` (name, n) VALUES ('ana', 5, x'41', @`ana`) -- ana")).toBe('INSERT INTO `users` (name, n) VALUES (?, ?, ?, ?)');
  });
});

describe('messages of the server', () => {
  const told = (errno: number, sqlMessage: string) => (serverFailure(Object.assign(new Error(sqlMessage), { errno, sqlMessage, sqlState: 'HY000' }), 'SELECT 1') as Error).message;

  it('keep names and lose values', () => {
    expect(told(1062, "Duplicate entry 'it's ana' for key 'users_email_key'")).toBe('duplicate entry for key users_email_key (error 1062)');
    expect(told(1366, "Incorrect integer value: 'ana's' for column `shop`.`users`.`age` at row 1")).toBe('incorrect value for column age (error 1366)');
    expect(told(1292, "Truncated incorrect DOUBLE value: 'ana'")).toBe('incorrect value (error 1292)');
    expect(told(1146, "Table 'shop.users' doesn't exist")).toBe("Table 'shop.users' doesn't exist (error 1146)");
    expect(told(1064, "You have an error in your SQL syntax; … near 'ana' at line 3")).toBe('syntax error at line 3 of the statement (error 1064)');
    expect(told(1644, 'ana is not allowed')).toBe('a trigger or routine raised an error of its own (error 1644)');
    expect(told(9999, "Something with 'a' and 'b'c' in it")).toBe('Something with ? in it (error 9999)');
  });
});
