/** SQLite files for tests, looked at as an application would. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';
import { inDist } from './dist.js';
import { tempDir } from './temp.js';

export interface SqliteFile {
  file: string;
  url: string;
  query(sql: string): Record<string, unknown>[];
}

/** A new database, or one that is there. */
export async function sqliteFile(options: { wal?: boolean; file?: string } = {}): Promise<SqliteFile> {
  // The handler's own process runs what is built.
  await inDist();
  const file = options.file ?? join(await tempDir(), 'app.db');
  const query = (sql: string) => {
    const database = new DatabaseSync(file, { timeout: 5000, enableForeignKeyConstraints: true });
    try {
      return database.prepare(sql).all() as Record<string, unknown>[];
    } finally {
      database.close();
    }
  };
  query(`PRAGMA journal_mode = ${options.wal ? 'wal' : 'delete'}`);
  query('PRAGMA user_version = 0');
  return { file, url: `file:${file}`, query };
}

/**
 * Another process that runs SQL on the file and keeps its connection until it is released. In a process of its own: closing any other
 * descriptor of the file would take away the locks of a connection in this one.
 */
export async function holdOpen(file: string, sql: string): Promise<() => Promise<void>> {
  const code = `
    const { DatabaseSync } = require('@photostructure/sqlite');
    const database = new DatabaseSync(process.argv[1], { timeout: 5000 });
    database.exec(process.argv[2]);
    console.log('held');
    process.stdin.resume().on('end', () => process.exit(0));`;
  const child = spawn(process.execPath, ['-e', code, file, sql], { cwd: fileURLToPath(new URL('../..', import.meta.url)), stdio: ['pipe', 'pipe', 'inherit'] });
  const held = once(createInterface(child.stdout), 'line');
  const [first] = (await Promise.race([held, once(child, 'exit')])) as [unknown];
  if (first !== 'held') throw new Error('The other process could not run its SQL');
  return async () => {
    const gone = once(child, 'exit');
    child.stdin.end();
    await gone;
  };
}

/** A statement that takes this long, at least. */
export const slowSql = (seconds: number) => `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${Math.ceil(seconds * 40_000_000)}) SELECT max(i) FROM n`;
