import pg from 'pg';
import { createDatabase } from '../../support/postgres.js';
import type { System } from '../combination.js';

export const postgresql: System = {
  provider: 'postgresql',
  rollsBack: true,
  slow: (seconds) => `SELECT pg_sleep(${seconds})`,
  async create() {
    const { url, query } = await createDatabase();
    return {
      url,
      query: (sql) => query(sql),
      async holdItem() {
        const client = new pg.Client({ connectionString: url });
        client.on('error', () => {});
        await client.connect();
        await client.query('BEGIN');
        await client.query('LOCK TABLE item IN ACCESS EXCLUSIVE MODE');
        return () => client.end();
      },
    };
  },
};
