/** Kills of a worker in the middle of what MySQL commits piece by piece. */
import { describe, expect, it } from 'vitest';
import type { SuccessResponse } from '../../src/contract/index.js';
import { createMysqlDatabase } from '../support/mysql.js';
import { createStack } from '../support/stack.js';
import { tempDir } from '../support/temp.js';
import { Barriers } from './barriers.js';

const USERS = "CREATE TABLE users (id INT PRIMARY KEY AUTO_INCREMENT, email VARCHAR(100) NOT NULL);\nINSERT INTO users (email) VALUES ('ana@example.com'), ('ben@example.com');\n";

describe('a worker on MySQL that is killed', () => {
  it('between a statement and its record, while taking back, and right behind the exchange: each is ended well by the next one', async () => {
    const barriers = new Barriers(await tempDir());
    const stack = await createStack({
      provider: 'mysql', database: await createMysqlDatabase(), safety: { heartbeat_timeout_seconds: 5 }, environment: { require_approval: false, protected: false },
      env: { FABER_DB_TEST_BARRIERS: barriers.folder },
    });
    const killAt = async (point: string, passes = 0) => {
      await barriers.arm(point, passes);
      return async () => {
        await barriers.reached(point);
        await stack.killWorker();
        await stack.startWorker();
      };
    };
    await stack.migration('20260101000000_users', `${USERS}CREATE INDEX by_email ON users (email);\n`, 'DROP TABLE users;\n');
    const inTheMiddle = await killAt('mysql-after-statement', 1);
    const migrate = await stack.start('migrate');
    await inTheMiddle();
    expect(await migrate.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });
    expect(await stack.database.query('SELECT COUNT(*) AS n FROM users')).toEqual([{ n: 2 }]);

    await stack.migration('20260201000000_bad', 'CREATE TABLE orders (id INT PRIMARY KEY);\nALTER TABLE users ADD COLUMN vip BOOLEAN;\nINSERT INTO nowhere VALUES (1);\n');
    const takingBack = await killAt('mysql-before-reverse', 1);
    const failing = await stack.start('migrate');
    await takingBack();
    expect(await failing.answer()).toMatchObject({ status: 'error', code: 'migration_failed', result: { failed_migration: '20260201000000_bad', rollback: { status: 'nothing_to_undo', verified: true } } });
    expect(await stack.database.query('SHOW COLUMNS FROM users')).toHaveLength(2);

    const backup = (await (await stack.start('backup')).answer()) as SuccessResponse;
    await stack.database.query('DELETE FROM users');
    const exchanged = await killAt('swap-after-renames');
    const restore = await stack.start('restore', { backup_id: backup.result['backup_id'] });
    await exchanged();
    expect(await restore.answer()).toMatchObject({ status: 'success', operation: 'restore' });
    expect(await stack.database.query('SELECT COUNT(*) AS n FROM users')).toEqual([{ n: 2 }]);
  });
});
