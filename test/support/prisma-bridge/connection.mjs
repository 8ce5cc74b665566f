/** What the schema engine needs of a PostgreSQL connection, behaving as Prisma's native engine does: one connection, scripts in one message. */
import { createRequire } from 'node:module';
import pg from 'pg';

const { ColumnTypeEnum: Type, DriverAdapterError, bindMigrationAwareSqlAdapterFactory } = createRequire(import.meta.url)('@prisma/driver-adapter-utils');

const FACTS = { provider: 'postgres', adapterName: '@prisma/adapter-pg' };

/** Types of the system catalogs and of the ledger; all else travels as text. */
const TYPES = new Map([
  [16, Type.Boolean], [18, Type.Character], [20, Type.Int64], [21, Type.Int32], [23, Type.Int32], [26, Type.Int64],
  [1114, Type.DateTime], [1184, Type.DateTime], [1000, Type.BooleanArray], [1002, Type.CharacterArray],
  [1003, Type.TextArray], [1005, Type.Int32Array], [1007, Type.Int32Array], [1009, Type.TextArray], [1015, Type.TextArray],
  [1016, Type.Int64Array], [1028, Type.Int64Array],
]);

/** Dates stay text, since the engine parses them; everything else as the driver reads it. */
const types = { getTypeParser: (oid, format) => (oid === 1114 || oid === 1184 ? isoDate : pg.types.getTypeParser(oid, format)) };
const isoDate = (text) => new Date(/[Zz]|[+-]\d\d(:?\d\d)?$/.test(text) ? text.replace(/([+-]\d\d)$/, '$1:00') : `${text}Z`).toISOString();

/** @param onServerError told of each error with the server's own fields, which the engine drops */
export function postgresFactory(url, onServerError) {
  const schema = new URL(url).searchParams.get('schema') ?? 'public';
  const factory = {
    ...FACTS,
    connect: () => connect(url, schema, onServerError, async () => {}),
    connectToShadowDb: () => connectToShadow(url, schema, onServerError),
  };
  return bindMigrationAwareSqlAdapterFactory(factory);
}

async function connectToShadow(url, schema, onServerError) {
  const name = `prisma_shadow_${globalThis.crypto.randomUUID().replaceAll('-', '')}`;
  await once(url, `CREATE DATABASE ${name} TEMPLATE template0`);
  const shadow = new URL(url);
  shadow.pathname = `/${name}`;
  return connect(shadow.href, schema, onServerError, () => once(url, `DROP DATABASE ${name} WITH (FORCE)`));
}

async function once(url, sql) {
  const client = await open(url);
  await client.query(sql);
  await client.end();
}

async function open(url) {
  const bare = new URL(url);
  bare.search = '';
  const client = new pg.Client({ connectionString: bare.href });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function connect(url, schema, onServerError, afterwards) {
  const client = await open(url);
  await client.query(`SET search_path = ${pg.escapeIdentifier(schema)}`);
  const attempt = async (work) => {
    try {
      return await work();
    } catch (error) {
      onServerError(error);
      // An error inside the script's own BEGIN leaves the connection in a failed transaction.
      await client.query('ROLLBACK').catch(() => {});
      const { code, severity, message, detail, column, hint } = error;
      throw new DriverAdapterError({ kind: 'postgres', code: code ?? 'N/A', severity: severity ?? 'N/A', message, detail, column, hint, originalCode: code, originalMessage: message });
    }
  };
  return {
    ...FACTS,
    queryRaw: ({ sql, args }) => attempt(async () => {
      const { fields, rows } = await client.query({ text: sql, values: args, rowMode: 'array', types });
      return { columnNames: fields.map(({ name }) => name), columnTypes: fields.map(({ dataTypeID }) => TYPES.get(dataTypeID) ?? Type.Text), rows };
    }),
    executeRaw: ({ sql, args }) => attempt(async () => (await client.query({ text: sql, values: args })).rowCount ?? 0),
    executeScript: (script) => attempt(async () => { await client.query(script); }),
    startTransaction: () => Promise.reject(new Error('the schema engine begins no transaction through its adapter')),
    getConnectionInfo: () => ({ schemaName: schema, supportsRelationJoins: true }),
    dispose: async () => {
      await client.end();
      await afterwards();
    },
  };
}
