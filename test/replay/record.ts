/**
 * Records histories of operations in every state, for the replay test: `npm run record-histories`, then commit what changed.
 * Run by its own vitest config, since it is no test: it writes.
 */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { it } from 'vitest';
import { queueWorkflowId } from '../../src/contract/names.js';
import { seedScript } from '../support/seed-script.js';
import { createStack, type Operation, type Stack } from '../support/stack.js';
import { temporal } from '../support/temporal.js';

const FOLDER = new URL('histories/', import.meta.url);

/** The queue of one worker process: `4711@host`. */
const isStickyQueue = (key: string, value: unknown) => key === 'name' && typeof value === 'string' && /^\d+@/.test(value);

async function save(stack: Stack, name: string, workflowId: string): Promise<void> {
  const { address, namespace, cli } = await temporal();
  const { stdout } = await execa(cli, ['workflow', 'show', '--address', address, '--namespace', namespace, '--workflow-id', workflowId, '--output', 'json']);
  // Who and where this machine is has no place in a committed file.
  const json = JSON.stringify(JSON.parse(stdout), (key, value: unknown) => (key === 'stackTrace' ? '' : key === 'identity' || key === 'firstExecutionRunId' || isStickyQueue(key, value) ? 'recorded' : value), 1);
  await mkdir(FOLDER, { recursive: true });
  await writeFile(new URL(`${name}.json`, FOLDER), `${json.replaceAll(stack.directory, '/srv/shop').replaceAll(stack.store, '/var/lib/faber-db')}\n`);
}

async function saveAll(stack: Stack, name: string, operation: Operation): Promise<void> {
  await save(stack, name, operation.id);
  const { change_workflow_id: change } = await operation.state();
  if (change !== null) await save(stack, `${name}-change`, change);
}

it('operations that succeed, fail and are undone, or end without a change', async () => {
  const stack = await createStack();
  await stack.migration('20260101_init', 'CREATE TABLE t (id int);', 'DROP TABLE t;');
  const migrated = await stack.start('migrate');
  const waiting = await migrated.until((s) => s.phase === 'waiting_for_approval');
  await save(stack, 'waiting-for-approval', migrated.id);
  await migrated.handle.signal('approve', 'nonsense');
  await migrated.approve({ plan: waiting.plan!.plan_hash });
  await migrated.answer();
  await saveAll(stack, 'migrated', migrated);

  const rejected = await stack.start('rollback-to', { migration: '20260101_init' });
  await rejected.answer();
  await save(stack, 'nothing-to-do', rejected.id);

  await stack.migration('20260102_c', 'ALTER TABLE t ADD COLUMN c int;', 'ALTER TABLE t DROP COLUMN c;');
  await stack.migration('20260103_bad', 'SELECT 1/0;');
  const undone = await stack.start('migrate');
  await undone.approve();
  await undone.answer();
  await saveAll(stack, 'failed-and-undone', undone);

  const cancelled = await stack.start('migrate');
  const seen = await cancelled.until((s) => s.phase === 'waiting_for_approval');
  await cancelled.handle.signal('reject', { plan: seen.plan!.plan_hash.slice(0, 8), by: 'ana@example.com', comment: 'no' });
  await cancelled.answer();
  await save(stack, 'rejected', cancelled.id);
});

it('operations that wait for a person or for the database', async () => {
  const stack = await createStack({ safety: { on_failure: 'stop' } });
  await stack.migration('20260101_init', 'CREATE TABLE t (id int);');
  await stack.migration('20260102_bad', 'SELECT 1/0;');
  const stopped = await stack.start('migrate');
  await stopped.approve();
  await stopped.until((s) => s.phase === 'waiting_for_decision');
  await saveAll(stack, 'waiting-for-decision', stopped);

  const behind = await stack.start('migrate');
  await behind.approve();
  const queued = await behind.until((s) => s.change_workflow_id !== null);
  const change = stack.client.workflow.getHandle(queued.change_workflow_id!);
  for (let tries = 0; tries < 50; tries += 1) {
    const { waiting_behind: waits } = (await change.query('state').catch(() => ({ waiting_behind: [] }))) as { waiting_behind: string[] };
    if (waits.length > 0) break;
  }
  await save(stack, 'waiting-for-lock-change', queued.change_workflow_id!);
  for await (const execution of stack.client.workflow.list({ query: `TaskQueue = "${stack.taskQueue}" AND WorkflowType = "databaseQueue"` })) {
    if (execution.workflowId.startsWith(queueWorkflowId(''))) await save(stack, 'database-queue', execution.workflowId);
  }

  await stopped.handle.signal('resolve', { choice: 'accept', by: 'ana@example.com' });
  await stopped.answer();
  await saveAll(stack, 'accepted', stopped);
  await behind.handle.cancel();
  await behind.answer();
  await saveAll(stack, 'cancelled', behind);
});

it('operations that wait for a server, seed, reset and roll back', async () => {
  const stack = await createStack({ environment: { hosting: 'aws-rds', protected: false, backup_before_migrate: true }, integration: { cloud_plugin: './cloud.sh' }, backup: { verify: 'checked' } });
  await stack.migration('20260101_init', 'CREATE TABLE t (id int);', 'DROP TABLE t;');
  const plugin = async (answer: string) => {
    await writeFile(join(stack.directory, 'cloud.sh'), `#!/bin/sh\ncat > /dev/null\necho '${answer}'\n`);
    await chmod(join(stack.directory, 'cloud.sh'), 0o755);
  };
  await plugin('{"status": "pending", "message": "being created", "retry_after_seconds": 2}');
  const initialized = await stack.start('initialize-database');
  await initialized.until((s) => s.phase === 'waiting_for_infrastructure');
  await save(stack, 'waiting-for-infrastructure', initialized.id);
  await plugin('{"status": "ready"}');
  await initialized.answer();
  await saveAll(stack, 'initialized', initialized);

  await seedScript(stack, "await client.query('INSERT INTO t VALUES (1)'); process.exit(exists('well') ? 0 : 3);");
  const seeded = await stack.start('seed');
  await seeded.until((s) => s.phase === 'waiting_for_decision');
  await saveAll(stack, 'seed-waiting-for-decision', seeded);
  await writeFile(join(stack.directory, 'well'), '');
  await seeded.handle.signal('resolve', { choice: 'retry', by: 'ana@example.com' });
  await seeded.answer();
  await saveAll(stack, 'seeded', seeded);

  for (const operation of ['reset', 'rollback'] as const) {
    const done = await stack.start(operation);
    await done.answer();
    await saveAll(stack, operation, done);
  }
});

it('operations of the backups', async () => {
  const stack = await createStack({ environment: { backup_schedule: '0 2 * * *' } });
  await stack.migration('20260101_init', 'CREATE TABLE t (id int);', 'DROP TABLE t;');
  const asked = [['backup', {}], ['verify-backup', {}], ['cleanup-backups', { apply: true }], ['list-backups', {}], ['read-schedules', { environment: undefined }]] as const;
  for (const [operation, parameters] of asked) {
    const done = await stack.start(operation, parameters);
    await done.answer();
    await save(stack, operation, done.id);
  }
});
