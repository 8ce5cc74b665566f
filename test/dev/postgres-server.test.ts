import { describe, expect, test } from 'vitest';
import { asAdmin, createDatabase, postgres } from '../support/postgres.js';

describe('the throwaway PostgreSQL server', () => {
  test('asks for a password, even on loopback', async () => {
    const url = new URL((await postgres()).adminUrl);
    url.password = 'wrong';
    const { default: pg } = await import('pg');
    await expect(new pg.Client({ connectionString: url.href }).connect()).rejects.toMatchObject({ code: '28P01' });
  });

  test('gives each caller a database of its own, owned by a role that is no superuser', async () => {
    const [one, two] = await Promise.all([createDatabase(), createDatabase()]);
    await one.query('CREATE TABLE only_here (id int)');
    expect(await two.query("SELECT to_regclass('only_here') AS found")).toEqual([{ found: null }]);
    expect(await one.query('SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user')).toEqual([{ rolsuper: false, rolcreatedb: true }]);
  });

  test('drops a database that somebody is connected to', async () => {
    const database = await createDatabase();
    const sleeping = database.query('SELECT pg_sleep(60)').catch((error: { code: string }) => error.code);
    await expect.poll(() => asAdmin('SELECT 1 FROM pg_stat_activity WHERE datname = $1', [database.name])).toHaveLength(1);
    await database.drop();
    expect(await sleeping).toBe('57P01');
    expect(await asAdmin('SELECT 1 FROM pg_database WHERE datname = $1', [database.name])).toEqual([]);
  });
});
