import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { mysqlTarget, parseMysqlUrl } from '../../../../src/handlers/database/mysql/url.js';

describe('a MySQL URL', () => {
  it('means what Prisma means by it', () => {
    const target = parseMysqlUrl('mysql://ana:p%40ss%3A@db.example.com:3307/shop?connection_limit=5&connect_timeout=3&sslaccept=strict');
    expect(target.clientOptions('x', true)).toMatchObject({
      host: 'db.example.com', port: 3307, user: 'ana', password: 'p@ss:', database: 'shop', connectTimeout: 3000, ssl: { rejectUnauthorized: true, verifyIdentity: true },
    });
    expect(parseMysqlUrl('mysql://ana@localhost/shop?socket=/run/mysqld/mysqld.sock').clientOptions('x', false)).toMatchObject({ socketPath: '/run/mysqld/mysqld.sock' });
    expect(parseMysqlUrl('mysql://ana@localhost/shop').clientOptions('x', true)).not.toHaveProperty('ssl');
  });

  it('gives programs the password in their environment alone', () => {
    const { args, env } = parseMysqlUrl('mysql://ana:hidden@db/shop?sslaccept=accept_invalid_certs').programOptions();
    expect(args).toEqual(['--no-defaults', '--host=db', '--port=3306', '--protocol=TCP', '--user=ana', '--default-character-set=utf8mb4', '--ssl']);
    expect(env).toEqual({ MYSQL_PWD: 'hidden' });
  });

  it('shows no secret', () => {
    const target = parseMysqlUrl('mysql://ana:hidden@db/shop');
    expect([JSON.stringify({ target }), inspect(target), target.describe()].join()).not.toContain('hidden');
    expect(target.secrets).toContain('hidden');
    expect(parseMysqlUrl(target.secretUrl()).secrets).toEqual(target.secrets);
  });

  it.each([
    ['postgresql://ana@db/shop', /does not begin with mysql:/],
    ['mysql://db/shop', /no user/],
    ['mysql://ana@db/', /no database/],
    ['mysql://ana@db:99999/shop', /port/],
    ['mysql://ana:a/b@db/shop', /percent|characters/i],
    ['mysql://ana@one,two/shop', /several hosts/],
    [`mysql://ana@db/${'x'.repeat(39)}`, /longer than 38/],
    ['mysql://ana@db/shop?sslaccept=sometimes', /sslaccept/],
    ['mysql://ana@db/shop?sslcert=/nowhere.pem', /sslcert cannot be read/],
    ['mysql://ana@db/shop?sslidentity=a.p12', /PKCS #12/],
  ])('%s is refused without being quoted', (url, why) => {
    expect(() => parseMysqlUrl(url)).toThrow(why);
    expect(() => parseMysqlUrl(url)).not.toThrow(url);
  });

  it('is told from the URL of another system', () => {
    expect(() => mysqlTarget({} as never)).toThrow(/another database system/);
  });
});
