import mysql from 'mysql2/promise';
import { expect, it } from 'vitest';
import { installedMysql, libraryEnvironment, mysqlPrograms } from '../../src/dev/mysql-programs.js';
import { startMysql } from '../../src/dev/mysql-server.js';
import { tempDir } from '../support/temp.js';

it('starts a server that keeps its data when it is killed, and is gone when stopped', async () => {
  const programs = await mysqlPrograms(console.error);
  const server = await startMysql(programs);
  const once = async (sql: string) => {
    const client = await mysql.createConnection({ uri: server.adminUrl });
    try {
      return (await client.query(sql))[0];
    } finally {
      await client.end();
    }
  };
  try {
    await once('CREATE DATABASE kept');
    await server.crash();
    await expect(once('SELECT 1')).rejects.toThrow();
    await server.startAgain();
    expect(JSON.stringify(await once('SHOW DATABASES'))).toContain('kept');
  } finally {
    await server.stop();
  }
  await expect(once('SELECT 1')).rejects.toThrow();
});

it('says which program a wished folder lacks', async () => {
  const folder = await tempDir();
  process.env['FABER_DB_MYSQL_BIN'] = folder;
  try {
    expect(() => installedMysql()).toThrow(`FABER_DB_MYSQL_BIN is ${folder}, but there is no mariadb, mariadb-dump, mariadbd`);
  } finally {
    delete process.env['FABER_DB_MYSQL_BIN'];
  }
});

it('leaves the environment alone where nothing was fetched', () => {
  expect(libraryEnvironment({ mariadbd: '', binDir: '', share: '', libraries: [], tree: '' })).toBe(process.env);
});
