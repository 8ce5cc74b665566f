/** Whole operations on MariaDB: migrate, a failed one that is taken back, rollback, backup, restore, drift. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse, MigrateResult, SuccessResponse } from '../../src/contract/index.js';
import { createMysqlDatabase } from '../support/mysql.js';
import { createStack, type Stack } from '../support/stack.js';

const USERS = "CREATE TABLE users (id INT PRIMARY KEY AUTO_INCREMENT, email VARCHAR(100) NOT NULL);\nINSERT INTO users (email) VALUES ('ana@example.com'), ('ben@example.com');\n";

describe('MySQL, from plan to restore', () => {
  let stack: Stack;
  const rows = () => stack.database.query('SELECT email FROM users ORDER BY id');
  const book = (table: string) => stack.database.query(`SELECT * FROM \`${stack.database.name}_faber_db\`.${table}`);
  beforeAll(async () => {
    stack = await createStack({ provider: 'mysql', database: await createMysqlDatabase() });
    await stack.migration('20260101000000_users', USERS, 'DROP TABLE users;\n');
  });

  it('plans, waits for approval, backs up, applies, checks and answers', async () => {
    const operation = await stack.start('migrate');
    const waiting = await operation.approve();
    expect(waiting.plan?.migrations).toMatchObject([{ name: '20260101000000_users', transaction: 'standalone', undo: 'lossy' }]);
    const answer = (await operation.answer()) as SuccessResponse;
    expect(answer).toMatchObject({ status: 'success', operation: 'migrate', environment: 'production' });
    expect(answer.result as MigrateResult).toMatchObject({ migrations_applied: 1, backup_level: 'proven', health_check: 'passed' });
    expect(await rows()).toEqual([{ email: 'ana@example.com' }, { email: 'ben@example.com' }]);
    expect(await book('marker')).toMatchObject([{ environment: 'production' }]);
    expect((await (await stack.start('migrate')).answer() as SuccessResponse).result).toMatchObject({ migrations_applied: 0, backup_id: null });
  });

  it('undoes by itself what a failed release had applied, statement by statement', async () => {
    await stack.migration('20260201000000_index', 'CREATE INDEX by_email ON users (email);\n', 'DROP INDEX by_email ON users;\n');
    await stack.migration('20260202000000_orders', 'CREATE TABLE orders (id INT PRIMARY KEY);\nALTER TABLE users ADD COLUMN vip BOOLEAN NOT NULL DEFAULT false;\nINSERT INTO users (id, email) VALUES (1, \'secret of ana\');\n');
    const operation = await stack.start('migrate');
    await operation.approve();
    const answer = (await operation.answer()) as ErrorResponse;
    expect(answer).toMatchObject({
      status: 'error', code: 'migration_failed',
      result: { failed_migration: '20260202000000_orders', statement_line: 3, migrations_applied_before_failure: 1, rollback: { status: 'undone', by: 'down', verified: true, reverted: ['20260201000000_index'] } },
    });
    expect(JSON.stringify(answer)).not.toContain('secret of ana');
    expect(await stack.database.query('SHOW TABLES')).toHaveLength(2);
    expect(await stack.database.query('SELECT COUNT(*) AS n FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL')).toEqual([{ n: 0 }]);
  });

  it('tells drift, and restores a backup over what was changed since', async () => {
    const backup = (await (await stack.start('backup')).answer()) as SuccessResponse;
    expect(backup).toMatchObject({ status: 'success', result: { level: 'proven' } });
    await stack.database.query('ALTER TABLE users ADD COLUMN by_hand INT');
    await stack.database.query("DELETE FROM users WHERE email = 'ana@example.com'");
    const health = (await (await stack.start('health-check')).answer()) as SuccessResponse;
    expect(JSON.stringify(health.result)).toContain('users.by_hand');
    const operation = await stack.start('restore', { backup_id: backup.result['backup_id'] });
    await operation.approve();
    const answer = (await operation.answer()) as SuccessResponse;
    expect(answer).toMatchObject({ status: 'success', operation: 'restore' });
    expect(await rows()).toEqual([{ email: 'ana@example.com' }, { email: 'ben@example.com' }]);
    expect(JSON.stringify(answer.result)).toContain(`${stack.database.name}_faber_replaced_`);
    expect(await book('marker')).toMatchObject([{ environment: 'production' }]);
    const status = (await (await stack.start('status')).answer()) as SuccessResponse;
    expect(status.result['environments']).toMatchObject([{ migrations: { applied: { count: 1 }, failed: { count: 0 } }, drift: { status: 'none' }, last_backup: { level: 'proven' } }]);
  });

  it('rolls back what a person approved, and takes the loss', async () => {
    const operation = await stack.start('rollback', { steps: 1 });
    await operation.approve();
    expect(await operation.answer()).toMatchObject({ status: 'success', operation: 'rollback' });
    await expect(rows()).rejects.toThrow(/exist/);
  });
});
