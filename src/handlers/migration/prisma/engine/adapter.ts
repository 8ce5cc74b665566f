/**
 * What the engine gets for a database: queries, answered by the worker. It can run no script and has no shadow database, so
 * it can neither split a script at its semicolons nor take the real database for a shadow (both ran, with the stock adapter).
 */
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum, DriverAdapterError, type ColumnType } from '@prisma/driver-adapter-utils';
import type { EngineProvider, ToEngine } from './messages.js';

/** Types of the system catalogs; all else is text. The stock adapter has none for `"char"` (18), which every schema holds. */
const POSTGRES = new Map<number, ColumnType>([
  [16, ColumnTypeEnum.Boolean], [18, ColumnTypeEnum.Character], [20, ColumnTypeEnum.Int64], [21, ColumnTypeEnum.Int32],
  [23, ColumnTypeEnum.Int32], [26, ColumnTypeEnum.Int64], [1000, ColumnTypeEnum.BooleanArray], [1002, ColumnTypeEnum.CharacterArray],
  [1003, ColumnTypeEnum.TextArray], [1005, ColumnTypeEnum.Int32Array], [1007, ColumnTypeEnum.Int32Array], [1009, ColumnTypeEnum.TextArray],
  [1015, ColumnTypeEnum.TextArray], [1016, ColumnTypeEnum.Int64Array], [1028, ColumnTypeEnum.Int64Array],
]);

/** The numbers that our own sessions of SQLite give. */
const SQLITE = new Map<number, ColumnType>([[2, ColumnTypeEnum.Int64], [3, ColumnTypeEnum.Double]]);

const TYPES: Record<EngineProvider, Map<number, ColumnType>> = { postgres: POSTGRES, sqlite: SQLITE };

/** The engine takes 64-bit numbers as text. */
const asText = (row: unknown[]) => row.map((value) => (typeof value === 'bigint' || Number.isInteger(value) ? String(value) : value));

export type Answer = Extract<ToEngine, { kind: 'rows' | 'refused' }>;

/** @param ask sends one query to the worker and waits for what the server says. */
export function databaseOf(provider: EngineProvider, schema: string, ask: (sql: string, parameters: unknown[]) => Promise<Answer>) {
  const facts = { provider, adapterName: 'faber-db' } as const;
  const connection = {
    ...facts,
    async queryRaw({ sql, args }: { sql: string; args: unknown[] }) {
      const answer = await ask(sql, args);
      if (answer.kind === 'refused') throw serverError(provider, answer);
      return {
        columnNames: answer.columns.map(({ name }) => name),
        columnTypes: answer.columns.map(({ type }) => TYPES[provider].get(type) ?? ColumnTypeEnum.Text),
        rows: provider === 'sqlite' ? answer.rows.map(asText) : answer.rows,
      };
    },
    executeRaw: () => refuse('a statement that changes something'),
    executeScript: () => refuse('a script'),
    startTransaction: () => refuse('a transaction'),
    getConnectionInfo: () => ({ schemaName: schema, supportsRelationJoins: provider === 'postgres' }),
    dispose: async () => {},
  };
  return bindMigrationAwareSqlAdapterFactory({
    ...facts,
    connect: async () => connection,
    connectToShadowDb: () => refuse('a shadow database'),
  });
}

function refuse(what: string): Promise<never> {
  return Promise.reject(new Error(`the engine asked for ${what}, which it does not get`));
}

function serverError(provider: EngineProvider, { sqlState, message }: Extract<Answer, { kind: 'refused' }>): DriverAdapterError {
  const code = sqlState ?? 'N/A';
  if (provider === 'sqlite') return new DriverAdapterError({ kind: 'sqlite', extendedCode: 1, message, originalCode: code, originalMessage: message });
  return new DriverAdapterError({
    kind: 'postgres', code, severity: 'ERROR', message, detail: undefined, column: undefined, hint: undefined, originalCode: code, originalMessage: message,
  });
}
