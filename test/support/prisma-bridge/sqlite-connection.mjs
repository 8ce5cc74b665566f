/**
 * What the schema engine needs of a SQLite connection. Times are written as Prisma's native engine writes them, integers of
 * milliseconds; its WebAssembly hands them out as text and wants them back so.
 */
import { createRequire } from 'node:module';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';

const { ColumnTypeEnum: Type, DriverAdapterError, bindMigrationAwareSqlAdapterFactory } = createRequire(import.meta.url)('@prisma/driver-adapter-utils');

const FACTS = { provider: 'sqlite', adapterName: '@prisma/adapter-better-sqlite3' };

/** @param onServerError told of each error, whose code the engine drops */
export function sqliteFactory(url, onServerError) {
  const file = resolve(url.replace(/^file:/, '').replace(/\?.*$/, ''));
  return bindMigrationAwareSqlAdapterFactory({
    ...FACTS,
    connect: async () => connect(file, onServerError, async () => {}),
    connectToShadowDb: async () => {
      const shadow = join(tmpdir(), `prisma-shadow-${globalThis.crypto.randomUUID()}.db`);
      return connect(shadow, onServerError, () => rm(shadow, { force: true }));
    },
  });
}

function connect(file, onServerError, afterwards) {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: true, enableDoubleQuotedStringLiterals: true, timeout: 5000 });
  const attempt = async (work) => {
    try {
      return work();
    } catch (error) {
      onServerError({ code: String(error.errcode ?? 1) });
      throw new DriverAdapterError({ kind: 'sqlite', extendedCode: error.errcode ?? 1, message: error.message, originalCode: String(error.errcode), originalMessage: error.message });
    }
  };
  return {
    ...FACTS,
    queryRaw: ({ sql, args }) => attempt(() => rowsOf(database, sql, args)),
    executeRaw: ({ sql, args }) => attempt(() => database.prepare(sql).run(...args.map(asNative)).changes),
    executeScript: (script) => attempt(() => database.exec(script)),
    startTransaction: () => Promise.reject(new Error('not asked for by migrations')),
    getConnectionInfo: () => ({ supportsRelationJoins: false }),
    dispose: async () => {
      database.close();
      await afterwards();
    },
  };
}

const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)$/;
const asNative = (value) => (typeof value === 'string' && TIME.test(value) ? Date.parse(value) : value);

function rowsOf(database, sql, args) {
  const statement = database.prepare(sql);
  const columns = statement.columns();
  if (columns.length === 0) {
    statement.run(...args.map(asNative));
    return { columnNames: [], columnTypes: [], rows: [] };
  }
  statement.setReturnArrays(true);
  const rows = statement.all(...args.map(asNative));
  const types = columns.map(({ type }, at) => (type === 'DATETIME' ? Type.DateTime : rows.some((row) => typeof row[at] === 'number') ? Type.Int64 : Type.Text));
  return { columnNames: columns.map(({ name }) => name), columnTypes: types, rows: rows.map((row) => row.map((value, at) => asEngine(value, types[at]))) };
}

function asEngine(value, type) {
  if (value === null) return null;
  if (type === Type.DateTime) return new Date(typeof value === 'number' ? value : `${value.replace(' ', 'T')}Z`).toISOString();
  return typeof value === 'number' ? String(value) : value;
}
