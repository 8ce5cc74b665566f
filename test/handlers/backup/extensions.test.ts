/** A restored database has its extensions in the versions and schemas that were dumped. */
import { expect, test } from 'vitest';
import { withoutSchemas } from '../../../src/handlers/backup/dump/postgresql/extensions.js';
import { sideName } from '../../../src/handlers/database/postgresql/beside/side-names.js';
import { backups, database, never, queryIn, scene, type Scene } from './setup.js';

const ID = 'backup-20260124-103000';
const VERSIONS = "SELECT extname AS name, extversion AS version, extnamespace::regnamespace::text AS schema FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1";
const EXTENSIONS = [
  { name: 'hstore', version: '1.4', schema: '"app 1"' },
  { name: 'pg_trgm', version: '1.5', schema: 'public' },
  { name: 'pgcrypto', version: '1.3', schema: '"app 1"' },
];
/** None of the first two is the server's default. */
const SQL = `
  CREATE SCHEMA "app 1";
  COMMENT ON SCHEMA "app 1" IS 'kept';
  GRANT USAGE ON SCHEMA "app 1" TO PUBLIC;
  CREATE EXTENSION hstore SCHEMA "app 1" VERSION '1.4';
  CREATE EXTENSION pgcrypto SCHEMA "app 1";
  CREATE EXTENSION pg_trgm VERSION '1.5';
  CREATE TABLE "app 1".goods (id int PRIMARY KEY, facts "app 1".hstore);
  INSERT INTO "app 1".goods VALUES (1, 'colour => red');
  CREATE INDEX ON "app 1".goods USING gin ((facts -> 'colour') gin_trgm_ops);`.replace('facts -> ', 'facts OPERATOR("app 1".->) ');

async function restored(s: Scene, record: Awaited<ReturnType<typeof backups.create>>): Promise<unknown[]> {
  await backups.restoreBeside(s.target, s.store, record, 'op-1', never);
  return queryIn(s.target.withDatabase(sideName(s.db.name, 'op-1')), VERSIONS);
}

test('which are not the server\'s defaults, in a schema of the database\'s own too', async () => {
  const s = await scene({ sql: SQL });
  expect(await s.db.query(VERSIONS)).toEqual(EXTENSIONS);
  const record = await backups.create(s.target, s.store, s.options(ID));
  expect(await backups.restoreDifferences(s.target, record)).toEqual([]);
  expect((await backups.prove(s.target, s.store, record, never)).level).toBe('proven');
  expect(await restored(s, record)).toEqual(EXTENSIONS);
  const side = s.target.withDatabase(sideName(s.db.name, 'op-1'));
  // An undo by restoring is verified by this.
  expect(await database.schemaFingerprint(side)).toBe(await database.schemaFingerprint(s.target));
  expect(await queryIn(side, `SELECT facts::text, obj_description('"app 1"'::regnamespace, 'pg_namespace') AS comment FROM "app 1".goods`)).toEqual([{ facts: '"colour"=>"red"', comment: 'kept' }]);
});

test('which this server cannot make any more are told when the plan is made, and come in its default version', async () => {
  const s = await scene({ sql: SQL });
  const record = await backups.create(s.target, s.store, s.options(ID));
  const older = { ...record, extension_versions: record.extension_versions!.map((e) => (e.name === 'hstore' ? { ...e, version: '0.9' } : e)) };
  const [message, ...others] = await backups.restoreDifferences(s.target, older);
  expect(message).toMatch(/^The extension hstore is 0\.9 in the backup, and this server can only create 1\.\d+/);
  expect(others).toEqual([]);
  const found = await restored(s, older);
  expect(found).toMatchObject([{ name: 'hstore', schema: '"app 1"' }, EXTENSIONS[1], EXTENSIONS[2]]);
  expect(found[0]).not.toMatchObject({ version: '0.9' });
});

test('of the list of entries only those schemas are left out', () => {
  const list = ';\n; Archive created\n6; 2615 16385 SCHEMA - app owner\n7; 2615 16386 SCHEMA - app x owner\n8; 1259 1 TABLE app SCHEMA owner\n9; 0 0 ACL - SCHEMA app owner';
  expect(withoutSchemas(list, [{ schema: 'app', schema_owner: 'owner' }])).toBe(list.replace('6; 2615', ';6; 2615'));
});
