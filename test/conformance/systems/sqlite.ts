import { holdOpen, slowSql, sqliteFile } from '../../support/sqlite.js';
import type { System } from '../combination.js';

export const sqlite: System = {
  provider: 'sqlite',
  rollsBack: true,
  slow: slowSql,
  async create() {
    const { file, url, query } = await sqliteFile();
    return {
      url,
      query: async (sql) => query(sql),
      holdItem: () => holdOpen(file, 'BEGIN IMMEDIATE'),
    };
  },
};
