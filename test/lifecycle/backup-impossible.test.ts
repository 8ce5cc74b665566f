/** A backup that cannot be taken: the documented answer, nothing changed, nothing in the way of the next run. */
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse } from '../../src/contract/index.js';
import { clientOfVersion, clientWith } from '../support/fake-client.js';
import { postgres } from '../support/postgres.js';
import { createStack, type Stack } from '../support/stack.js';
import { tempDir } from '../support/temp.js';

const LEFT = `SELECT relname FROM pg_class WHERE relname IN ('t', '_prisma_migrations')`;
const BULK = 'CREATE SCHEMA app; CREATE TABLE app.bulk AS SELECT gen_random_uuid() AS a, gen_random_uuid() AS b, gen_random_uuid() AS c FROM generate_series(1, 90000)';

describe('a backup that cannot be taken', () => {
  let stack: Stack;
  let small: string;
  let mounted = false;
  const unmount = () => {
    if (mounted) execFileSync('umount', [small]);
    mounted = false;
  };
  beforeAll(async () => {
    small = join(await tempDir(), 'small');
    await mkdir(small);
    if (process.getuid?.() === 0) {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', small]);
      mounted = true;
    }
    stack = await createStack({ idle: true, backup: { verify: 'checked', location: small }, safety: { on_failure: 'stop' } });
    await stack.database.query(BULK);
    await stack.database.query('CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)');
    await stack.migration('20260101000000_init', 'CREATE TABLE t (id int);');
  });
  afterAll(unmount);

  const failing = async (): Promise<ErrorResponse> => {
    const operation = await stack.start('migrate');
    await operation.approve();
    const answer = (await operation.answer()) as ErrorResponse;
    expect(await stack.database.query(LEFT)).toEqual([{ relname: '_prisma_migrations' }]);
    expect(await stack.database.query('SELECT migration_name FROM _prisma_migrations')).toEqual([]);
    expect(await stack.database.query('SELECT count(*)::int AS open FROM faber_db.operations WHERE ended_at IS NULL')).toEqual([{ open: 0 }]);
    return answer;
  };

  it('for want of disk', async () => {
    const worker = await stack.startWorker();
    // Who may not mount a small disk gets a small limit on files: the same write fails, for a like reason.
    if (!mounted) execFileSync('prlimit', ['--pid', String(worker.pid), '--fsize=3000000:']);
    const answer = await failing();
    expect(answer).toMatchObject({ status: 'error', code: 'backup_failed', result: { backup_error: expect.stringMatching(/no space left on the disk|larger than this disk/) as string } });
    expect(answer.recovery.suggestions.length).toBeGreaterThan(0);
    expect(answer.recovery.backup_id).toBeUndefined();
    expect(await readdir(join(small, 'backups'))).toEqual([]);
    await stack.killWorker();
  });

  it('for a disk that is full already when the plan is made', async () => {
    if (mounted) {
      execFileSync('sh', ['-c', 'head -c 10000000 /dev/zero > filler || true'], { cwd: small });
    } else {
      // A store whose folder is a file can hold no more either.
      await writeFile(join(small, 'artifacts'), '').catch(() => undefined);
    }
    await stack.startWorker();
    await stack.migration('20260102000000_more', 'CREATE TABLE u (id int);');
    const answer = await (await stack.start('migrate')).answer();
    expect(answer).toMatchObject({ status: 'error', code: expect.stringMatching(/^(backup_failed|store_unavailable)$/) as string });
    expect(await stack.database.query(LEFT)).toEqual([{ relname: '_prisma_migrations' }]);
    await stack.killWorker();
    if (mounted) execFileSync('rm', [join(small, 'filler')]);
  });

  it('because pg_dump is too old for the server', async () => {
    const refusing = await clientWith(`
case "$1" in --version) exec "$REAL" "$@" ;; esac
echo 'pg_dump: error: aborting because of server version mismatch' >&2
echo 'pg_dump: detail: server version: 15.18; pg_dump version: 14.2' >&2
exit 1`);
    await stack.startWorker({ FABER_DB_PG_BIN: refusing });
    expect(await failing()).toMatchObject({ status: 'error', code: 'backup_failed', result: { backup_error: expect.stringContaining('version mismatch') as string } });
    await stack.killWorker();
  });

  it('but a client that says it is too old is passed over for one that fits', async () => {
    const { binDir } = await postgres();
    await stack.database.query('DROP TABLE app.bulk');
    await stack.startWorker({ FABER_DB_PG_BIN: await clientOfVersion('9.6.24'), PATH: `${binDir}${delimiter}${process.env['PATH'] ?? ''}` });
    const operation = await stack.start('migrate');
    await operation.approve();
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 2, backup_level: 'checked' } });
    await stack.killWorker();
  });
});
