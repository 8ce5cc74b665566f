import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { execa } from 'execa';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { parsePostgresUrl } from '../../../../src/handlers/database/postgresql/connection-url.js';
import { identify } from '../../../../src/handlers/database/postgresql/identity.js';
import { withSession } from '../../../../src/handlers/database/postgresql/session.js';
import { asAdmin, createDatabase, postgres } from '../../../support/postgres.js';
import { join } from 'node:path';

const parsed = (url: string) => {
  const target = parsePostgresUrl(url);
  const { host, port, user, database, password, options } = target.clientConfig('faber-db test');
  return { host, port, user, database, password, options, schema: target.schema, pgbouncer: target.pgbouncer, describe: target.describe() };
};

describe('reads a URL as libpq and Prisma do', () => {
  test.each([
    ['postgresql://u:p@h/d', { host: 'h', port: 5432, user: 'u', database: 'd', password: 'p', schema: 'public', describe: 'h:5432/d' }],
    ['postgres://u:p@h:6543/d?schema=app', { port: 6543, schema: 'app', options: '-c default_transaction_read_only=off -c search_path="app"' }],
    ['postgresql://u:p@h/d?schema=my%20"app', { schema: 'my "app', options: '-c default_transaction_read_only=off -c search_path="my\\ ""app"' }],
    ['postgresql://u%40x:p%2Fw%3A%40%23%3F%25@h/d', { user: 'u@x', password: 'p/w:@#?%' }],
    ['postgresql://u:50%off@h/d', { password: '50%off' }],
    ['postgresql://u:a@b@h/d', { password: 'a@b' }],
    ['postgresql://u:a+b@h/d', { password: 'a+b' }],
    ['postgresql://u:p@[::1]:5433/d', { host: '::1', port: 5433, describe: '[::1]:5433/d' }],
    ['postgresql://u:p@/d', { host: 'localhost' }],
    ['postgresql://u:p@localhost/d?host=/var/run/postgresql', { host: '/var/run/postgresql', describe: '/var/run/postgresql:5432/d' }],
    ['postgresql://u:p@%2Fvar%2Frun%2Fpostgresql/d', { host: '/var/run/postgresql' }],
    ['postgresql://u@h/sh%C3%B6p%20db', { database: 'shöp db', password: undefined }],
    ['postgresql://h/?user=u&password=p&dbname=d&port=77', { user: 'u', password: 'p', database: 'd', port: 77 }],
    ['postgresql://u:p@h/d?pgbouncer=true&connection_limit=1&pool_timeout=0&socket_timeout=3', { pgbouncer: true, options: undefined }],
    ['postgresql://u:p@h/d?options=-c%20work_mem%3D8MB', { options: '-c work_mem=8MB -c default_transaction_read_only=off' }],
  ])('%s', (url, expected) => {
    expect(parsed(url)).toMatchObject(expected);
  });
});

describe('refuses what it cannot follow, without quoting it', () => {
  test.each([
    ['mysql://u:hunter2@h/d', 'does not begin with postgresql://'],
    ['hunter2', 'does not begin with postgresql://'],
    ['', 'does not begin with postgresql://'],
    ['postgresql://u:hunter2@a,b/d', 'several hosts'],
    ['postgresql://u:hunter2@a:1,b:2/d', 'several hosts'],
    ['postgresql://u:hunter2/x@h/d', 'one of the characters'],
    ['postgresql://u:hunter2#x@h/d', 'one of the characters'],
    ['postgresql://u:hunter2@::1/d', 'without brackets'],
    ['postgresql://u:hunter2@h:port/d', 'port'],
    ['postgresql://u:hunter2@h', 'no database'],
    ['postgresql://:hunter2@h/d', 'no user'],
    ['postgresql://u:%FFhunter2@h/d', 'not UTF-8'],
    ['postgresql://u:hunter2@h/d?sslmode=maybe', 'sslmode'],
    ['postgresql://u:hunter2@h/d?service=prod', 'service'],
    ['postgresql://u:hunter2@h/d?sslidentity=client.p12', 'PKCS #12'],
  ])('%s', (url, why) => {
    const error = (() => {
      try {
        return parsePostgresUrl(url);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toMatchObject({ code: 'connection_not_configured', message: expect.stringContaining(why) });
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2');
  });
});

describe('gives sslmode the meaning that libpq gives it', () => {
  test.each([
    ['', [{ rejectUnauthorized: false }, false], 'prefer'],
    ['sslmode=disable', [false], 'disable'],
    ['sslmode=allow', [false, { rejectUnauthorized: false }], 'allow'],
    ['sslmode=require', [{ rejectUnauthorized: false }], 'require'],
    ['sslmode=no-verify', [{ rejectUnauthorized: false }], 'require'],
    ['sslmode=require&sslaccept=strict', [{ rejectUnauthorized: true }], 'verify-full'],
    ['sslmode=verify-full', [{ rejectUnauthorized: true }], 'verify-full'],
    ['sslmode=verify-ca', [{ rejectUnauthorized: true, checkServerIdentity: expect.any(Function) }], 'verify-ca'],
  ])('%s', (query, attempts, forPrograms) => {
    const target = parsePostgresUrl(`postgresql://u:p@h/d?${query}`);
    expect(target.clientConfigs('x').map(({ ssl }) => ssl)).toEqual(attempts);
    expect(target.environment().PGSSLMODE).toBe(forPrograms);
  });

  test('a file that cannot be read is named by its parameter', () => {
    const target = parsePostgresUrl('postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem');
    expect(() => target.clientConfigs('x')).toThrow('the file named by sslrootcert cannot be read (ENOENT)');
  });
});

test('never shows the password when printed or serialised', () => {
  const target = parsePostgresUrl('postgresql://u:hunter2@h/d');
  const other = target.withDatabase('other');
  for (const shown of [inspect(target, { depth: 9, showHidden: true }), JSON.stringify({ target }), String(inspect({ a: [other] }, { depth: 9 }))]) {
    expect(shown).not.toContain('hunter2');
  }
  expect(other.describe()).toBe('h:5432/other');
  expect(parsePostgresUrl('postgresql://u:a%2Fb@h/d').secrets).toEqual(['a/b', 'a%2Fb']);
});

test('an application name in the URL does not replace ours, which is cut to 63 bytes', async () => {
  const { url } = await createDatabase();
  const target = parsePostgresUrl(`${url}?application_name=intruder`);
  const name = await withSession(target, `faber-db read ${'x'.repeat(100)}`, (session) => session.query('SELECT current_setting($1) AS name', ['application_name']));
  expect(name).toEqual([{ name: `faber-db read ${'x'.repeat(49)}` }]);
});

describe('a hostile password connects, through the driver and through psql', () => {
  test.each([`p@s:s/w?o#r%d&'" \\$+=é`, '%41', 'a b', "'; DROP ROLE x; --", '👍', '[::1]', '*'])('%s', async (password) => {
    const { name, role } = await createDatabase();
    const { host, port, binDir } = await postgres();
    await asAdmin(`ALTER ROLE ${role.name} PASSWORD ${pg.escapeLiteral(password)}`);
    const target = parsePostgresUrl(`postgresql://${role.name}:${encodeURIComponent(password)}@${host}:${port}/${name}`);
    const [row] = await withSession(target, 'faber-db read test', (session) => session.query('SELECT current_user::text AS user'));
    expect(row).toEqual({ user: role.name });
    const { stdout } = await execa(join(binDir, 'psql'), ['-XAtc', 'SELECT current_user'], { env: target.programEnvironment(), extendEnv: false });
    expect(stdout).toBe(role.name);
  });
});

test('?schema= decides what unqualified names mean, for sessions and programs', async () => {
  const { url, query } = await createDatabase();
  const { binDir } = await postgres();
  await query('CREATE SCHEMA "my app"');
  const target = parsePostgresUrl(`${url}?schema=my%20app`);
  const [row] = await withSession(target, 'faber-db read test', (session) => session.query('SELECT current_schema AS schema'));
  expect(row).toEqual({ schema: 'my app' });
  const { stdout } = await execa(join(binDir, 'psql'), ['-XAtc', 'SELECT current_schema'], { env: target.programEnvironment(), extendEnv: false });
  expect(stdout).toBe('my app');
});

test('a session that hears nothing asks soon whether the server is still there', async () => {
  const target = parsePostgresUrl((await createDatabase()).url);
  const { port } = await postgres();
  await withSession(target, 'faber-db read test', async (session) => {
    const [own] = await session.query<{ port: number }>('SELECT client_port AS port FROM pg_stat_activity WHERE pid = pg_backend_pid()');
    const hex = (number: number) => number.toString(16).toUpperCase().padStart(4, '0');
    // Local address, remote address, state, queues, then the timer: 02 is that of keepalive, in hundredths of a second.
    const line = (await readFile('/proc/net/tcp', 'utf8')).split('\n').find((row) => row.includes(`:${hex(own!.port)} 0100007F:${hex(port)} `));
    const [, timer, hundredths] = / (\d\d):([0-9A-F]{8}) /.exec(line ?? '') ?? [];
    expect(timer).toBe('02');
    expect(Number.parseInt(hundredths!, 16)).toBeLessThanOrEqual(10 * 100);
  });
});

test('two routes to one database have one identity, and another database has another', async () => {
  const { url, name, role } = await createDatabase();
  const { port } = await postgres();
  const direct = await identify(parsePostgresUrl(url));
  const route = await identify(parsePostgresUrl(`postgresql://${role.name}:${encodeURIComponent(role.password)}@localhost:${port}/${name}?sslmode=disable`));
  // The size is not the same at two moments: the server writes caches of its own.
  expect({ ...route, sizeBytes: direct.sizeBytes }).toEqual(direct);
  expect(direct).toMatchObject({ database: name, standby: false, marker: null, empty: true, pooled: false, serverMajor: expect.any(Number) });
  expect(direct.sizeBytes).toBeGreaterThan(1_000_000);
  const other = await identify(parsePostgresUrl((await createDatabase()).url));
  expect(other.identity).not.toBe(direct.identity);
  expect(other.identity.split('/')[0]).toBe(direct.identity.split('/')[0]);
});

test('a database with a user table is not empty', async () => {
  const { url, query } = await createDatabase();
  await query('CREATE TABLE customer (id int)');
  expect(await identify(parsePostgresUrl(url))).toMatchObject({ empty: false });
});

test('a URL that says pgbouncer=true is a pooler', async () => {
  const { url } = await createDatabase();
  expect(await identify(parsePostgresUrl(`${url}?pgbouncer=true`))).toMatchObject({ pooled: true, pooledReason: 'the URL says pgbouncer=true' });
});

describe('an unreachable database is told in words of the field, without the URL', () => {
  test.each([
    ['nobody listens', (url: URL) => (url.port = '1'), 'Connection refused'],
    ['no such host', (url: URL) => (url.hostname = 'nowhere.invalid'), 'Host '],
    ['wrong password', (url: URL) => (url.password = 'wrong-hunter2'), 'password authentication failed for user "'],
    ['no password', (url: URL) => (url.password = ''), 'the server asks for a password and the URL has none'],
    ['no such database', (url: URL) => (url.pathname = '/missing'), 'database "missing" does not exist'],
    ['TLS that the server has not', (url: URL) => (url.search = '?sslmode=require'), 'The server does not support SSL connections'],
  ])('%s', async (_, change, details) => {
    const { url, role } = await createDatabase();
    const changed = new URL(url);
    change(changed);
    const error = await identify(parsePostgresUrl(changed.href)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'health_check_failed', result: { connectivity: 'failed', error_details: expect.stringContaining(details) } });
    const shown = JSON.stringify([(error as Error).message, error]);
    for (const secret of ['hunter2', role.password, encodeURIComponent(role.password), 'postgresql://']) expect(shown).not.toContain(secret);
  });
});
