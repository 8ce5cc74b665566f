import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FaberClient } from '../../src/client/index.js';
import type { ErrorResponse, Response } from '../../src/contract/index.js';
import { WORKFLOW_TYPES } from '../../src/contract/names.js';
import { raw, RAW_PAYLOADS, startRaw } from '../support/raw-payloads.js';
import { answerOf, type Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';
import { tempDir } from '../support/temp.js';
import { temporal } from '../support/temporal.js';

const CONFIG = '.fractary/plugins/faber-db/config.json';

/** Each is asked of the worker itself, as the Web UI could: the client would refuse most of them before. */
describe('a request that is wrong', () => {
  let stack: Stack;
  let dead: Stack;
  beforeAll(async () => {
    ({ stack, dead } = await createStacks({
      stack: {
        environments: {
          unset: { connection_string_env: 'NOT_SET_ANYWHERE' },
          garbled: { connection_string_env: 'GARBLED_URL' },
          unreachable: { connection_string_env: 'UNREACHABLE_URL' },
          wrong: { connection_string_env: 'WRONG_PASSWORD_URL' },
        },
      },
      dead: { environment: { backup_before_migrate: false } },
    }, {
      GARBLED_URL: 'postgres//nothing of the kind',
      UNREACHABLE_URL: 'postgresql://app:s3cret-pass@127.0.0.1:1/shop',
      WRONG_PASSWORD_URL: 'postgresql://nobody_at_all:s3cret-pass@127.0.0.1:1/shop',
    }));
    await stack.migration('20260101000000_init', 'CREATE TABLE t (id int);');
  });

  const ask = async (operation: keyof typeof WORKFLOW_TYPES, request: unknown): Promise<Response> => {
    const handle = await stack.client.workflow.start(WORKFLOW_TYPES[operation], {
      workflowId: `bad-request-${Math.random()}`, taskQueue: stack.taskQueue, args: [{ request, requested_by: 'pipeline' }],
    });
    return answerOf(handle);
  };
  const migrate = (parameters: Record<string, unknown>) => ({ operation: 'migrate', parameters: { working_directory: stack.directory, ...parameters } });

  it.concurrent.each([
    ['an unknown operation', () => ({ operation: 'migrat', parameters: { environment: 'production' } }), 'invalid_request', /Unknown operation 'migrat'. Did you mean 'migrate'/],
    ['an unknown environment', () => migrate({ environment: 'prodction' }), 'environment_not_configured', /'prodction' not found/],
    ['an unknown key', () => migrate({ environment: 'production', dryrun: true }), 'invalid_request', /Unknown key 'dryrun'.*Did you mean 'dry_run'/],
    ['a wrong value', () => migrate({ environment: 'production', dry_run: 'yes' }), 'invalid_request', /dry_run/],
    ['the request of another operation', () => ({ operation: 'restore', parameters: { environment: 'production', working_directory: stack.directory, backup_id: 'backup-20260101-000000' } }), 'invalid_request', /for restore, the workflow .* is migrate/],
    ['no request at all', () => undefined, 'invalid_request', /not a JSON object/],
    ['a folder that is not there', () => migrate({ environment: 'production', working_directory: `${stack.directory}/gone` }), 'config_not_found', /not configured/],
    ['an environment variable that is not set', () => migrate({ environment: 'unset' }), 'connection_not_configured', /NOT_SET_ANYWHERE is not set/],
    ['an environment variable that is no URL', () => migrate({ environment: 'garbled' }), 'connection_not_configured', /GARBLED_URL|URL/],
    ['a server that is not reachable', () => migrate({ environment: 'unreachable' }), 'health_check_failed', /127\.0\.0\.1/],
  ])('%s is answered with its own code and what to do, and fails the workflow', async (_what, request, code, message) => {
    const answer = (await ask('migrate', request())) as ErrorResponse;
    expect(answer).toMatchObject({ status: 'error', operation: 'migrate', code });
    expect(answer.error).toMatch(message);
    expect(answer.recovery.suggestions.length).toBeGreaterThan(0);
    expect(JSON.stringify(answer)).not.toContain('s3cret-pass');
  });

  it.concurrent.each(['initialize-database', 'migrate', 'rollback', 'seed', 'reset', 'restore', 'rollback-to', 'migrate-preview', 'status', 'health-check', 'backup', 'list-backups'] as const)(
    '%s started with no argument, or one that cannot be decoded, is answered and not wedged',
    async (operation) => {
      for (const payload of [null, RAW_PAYLOADS['json/protobuf'], RAW_PAYLOADS['binary/encrypted'], RAW_PAYLOADS['broken json'], raw('json/plain', '"text"')]) {
        const handle = await startRaw(stack.client, WORKFLOW_TYPES[operation], stack.taskQueue, payload);
        expect(await answerOf(handle)).toMatchObject({ status: 'error', code: 'invalid_request' });
      }
    },
  );

  it.concurrent('nobody polls the task queue: the client says so within ten seconds, and leaves nothing behind', async () => {
    const { address, namespace } = await temporal();
    const client = await FaberClient.connect({ address, namespace, taskQueue: `nobody-${Math.random()}`, env: {} });
    const started = Date.now();
    try {
      await expect(client.start('migrate', { environment: 'production', working_directory: stack.directory })).rejects.toMatchObject({ code: 'no_worker' });
    } finally {
      await client.close();
    }
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  it('a config that is missing, broken or holds a URL is answered with the file', async () => {
    const directory = await tempDir();
    const answer = async () => (await ask('migrate', migrate({ environment: 'production', working_directory: directory }))) as ErrorResponse;
    expect(await answer()).toMatchObject({ code: 'config_not_found', recovery: { suggestions: [expect.stringContaining('faber-db init'), expect.stringContaining(CONFIG)] } });
    await mkdir(join(directory, '.fractary/plugins/faber-db'), { recursive: true });
    await writeFile(join(directory, CONFIG), '{"environments": {');
    expect(await answer()).toMatchObject({ code: 'config_invalid', error: expect.stringContaining('not valid JSON') as string });
    await writeFile(join(directory, CONFIG), JSON.stringify({ environments: { production: { connection_string_env: 'postgresql://app:s3cret-pass@db/shop' } } }));
    const secret = await answer();
    expect(secret).toMatchObject({ code: 'config_invalid' });
    expect(JSON.stringify(secret)).not.toContain('s3cret-pass');
  });

  it('an operation id without room for the ids that follow from it is answered', async () => {
    const handle = await stack.client.workflow.start('migrate', {
      workflowId: 'x'.repeat(900), taskQueue: stack.taskQueue, args: [{ request: migrate({ environment: 'production' }), requested_by: 'pipeline' }],
    });
    expect(await answerOf(handle)).toMatchObject({ status: 'error', code: 'invalid_request', error: expect.stringContaining('250') as string });
  });

  it('the change and the delivery of an audit cannot be started by hand, past the approval', async () => {
    for (const type of ['guardedChange', 'deliverAudit', 'deliverWork', 'notify']) {
      for (const payload of [null, RAW_PAYLOADS['json/protobuf'], raw('json/plain', '{"settings": {"logs_plugin": "/bin/true"}}')]) {
        const handle = await startRaw(stack.client, type, stack.taskQueue, payload);
        await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'invalid_request', message: expect.stringContaining('part of an operation only') as string } });
      }
    }
  });

  it('a database that was dropped during the wait is answered, and nothing is wedged', async () => {
    await dead.migration('20260101000000_init', 'CREATE TABLE t (id int);');
    const operation = await dead.start('migrate');
    await operation.until((s) => s.phase === 'waiting_for_approval');
    await dead.database.drop();
    await operation.approve();
    expect(await operation.answer()).toMatchObject({ status: 'error', code: 'health_check_failed' });
  });

  it('none of them changed anything', async () => {
    expect(await stack.database.query(`SELECT nspname FROM pg_namespace WHERE nspname = 'faber_db'`)).toEqual([]);
    expect(await stack.database.query(`SELECT relname FROM pg_class WHERE relname IN ('t', '_prisma_migrations')`)).toEqual([]);
  });
});
