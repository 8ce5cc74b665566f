import mysql from 'mysql2/promise';
import { createMysqlDatabase } from '../../support/mysql.js';
import type { System } from '../combination.js';

export const mysqlSystem: System = {
  provider: 'mysql',
  rollsBack: false,
  slow: (seconds) => `SELECT COUNT(*) FROM (SELECT SLEEP(${seconds})) AS slow`,
  async create() {
    const { url, query } = await createMysqlDatabase();
    return {
      url,
      query: (sql) => query(sql),
      async holdItem() {
        const { hostname, port, username, password, pathname } = new URL(url);
        const client = await mysql.createConnection({ host: hostname, port: Number(port), user: username, password: decodeURIComponent(password), database: pathname.slice(1) });
        client.on('error', () => {});
        await client.query('LOCK TABLES item WRITE');
        return () => client.end();
      },
    };
  },
};
