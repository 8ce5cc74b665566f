/** Whom operations tell: the webhook, the work plugin, the logs plugin; and that none of them can delay or fail one. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NotificationFacts } from '../../src/contract/notification.js';
import { eventually } from '../support/eventually.js';
import { historyText, leaksIn, shownText, workflowsOn } from '../support/leaks.js';
import { hook, script, type Hook } from '../support/plugin.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const SECRET = `hunter2-${randomBytes(6).toString('hex')}`;

interface Told {
  text: string;
  faber_db: NotificationFacts;
}

describe('what operations tell', () => {
  let server: Hook;
  let workFile: string;
  let stacks: Record<'told' | 'stopped' | 'slow', Stack>;
  let failures = 0;

  beforeAll(async () => {
    server = await hook(({ path }, response) => {
      if (path.startsWith('/never')) return;
      // The first deliveries of each kind are refused.
      if ((path === '/flaky' || path === '/audit') && failures++ < 3) response.writeHead(503).end();
      else response.end('ok');
    });
    const work = await script('cat >> "$(dirname "$0")/work.jsonl"');
    workFile = join(work, '..', 'work.jsonl');
    stacks = await createStacks(
      {
        told: { integration: { notify_url_env: 'HOOK', work_plugin: work, logs_plugin: `${server.url}/audit`, temporal_ui: 'https://temporal.example.com/' }, environments: { gone: { connection_string_env: 'GONE_URL' } } },
        stopped: { integration: { notify_url_env: 'FLAKY' }, safety: { on_failure: 'stop' } },
        slow: { integration: { notify_url_env: 'NEVER', work_plugin: `${server.url}/never`, logs_plugin: '/nowhere/plugin' } },
      },
      { HOOK: `${server.url}/${SECRET}`, FLAKY: `${server.url}/flaky`, NEVER: `${server.url}/never-${SECRET}`, GONE_URL: 'postgresql://app@127.0.0.1:1/shop' },
    );
    for (const stack of Object.values(stacks)) await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY);');
  });

  const told = (path: string, id: string) => (server.to(path) as unknown as Told[]).filter((n) => n.faber_db.operation_id === id);
  const events = (path: string, id: string) => told(path, id).map((n) => n.faber_db.event);
  const ended = (path: string, id: string) => eventually(() => Promise.resolve(events(path, id)), (seen) => seen.includes('ended'));

  it.concurrent('an approved migrate: who is asked, by whom it was approved, how it ended, in this order', async () => {
    const stack = stacks.told;
    const operation = await stack.start('migrate');
    const { plan } = await operation.until((s) => s.phase === 'waiting_for_approval');
    await eventually(() => Promise.resolve(events(`/${SECRET}`, operation.id)), (seen) => seen.length > 0);
    await operation.approve();
    expect(await operation.answer()).toMatchObject({ status: 'success' });
    expect(await ended(`/${SECRET}`, operation.id)).toEqual(['approval_waiting', 'approved', 'ended']);

    const [asked, approved, done] = told(`/${SECRET}`, operation.id);
    const short = plan!.plan_hash.slice(0, 12);
    expect(asked!.text).toContain(`*migrate on production* waits for approval until 20`);
    expect(asked!.text).toContain(`Approve: \`faber-db approve ${operation.id} --plan ${short} --by YOUR-NAME\``);
    expect(asked!.text).toContain(`Reject: \`faber-db reject ${operation.id} --plan ${short} --by YOUR-NAME\``);
    expect(asked!.text).toContain(`https://temporal.example.com/namespaces/default/workflows/${operation.id}`);
    expect(asked!.faber_db).toMatchObject({ environment: 'production', risk: plan!.evidence.risk, plan_hash: plan!.plan_hash, until: expect.any(String) as string });
    expect(approved!.text).toContain('approved by ana@example.com (not verified)');
    expect(done!.text).toContain('*migrate on production* succeeded: Applied 1 migration');
    expect(new Set(told(`/${SECRET}`, operation.id).map((n) => n.faber_db.record_id)).size).toBe(3);

    const work = await eventually(async () => (await readFile(workFile, 'utf8').catch(() => '')).trim().split('\n').filter((line) => line.includes(operation.id)), (lines) => lines.length > 0);
    expect(JSON.parse(work[0]!)).toMatchObject({
      action: 'record-operation', operation_id: operation.id, operation: 'migrate', environment: 'production', requested_by: 'pipeline@example.com',
      workflow: { workflow_id: operation.id, namespace: 'default', url: `https://temporal.example.com/namespaces/default/workflows/${operation.id}` },
      answer: { status: 'success', result: { migrations_applied: 1 } },
    });
    await eventually(() => Promise.resolve(server.to('/audit')), (records) => records.some((r) => r['operation_id'] === operation.id));
  });

  it.concurrent('a rejected one; and a backup that fails, as a scheduled one would', async () => {
    const stack = stacks.told;
    const rejected = await stack.start('rollback-to', { environment: 'production', migration: '20260101000000_init' }).then((o) => o.answer().then(() => o));
    const backup = await stack.start('backup', { environment: 'gone' });
    expect(await backup.answer()).toMatchObject({ status: 'error', code: 'health_check_failed' });
    await ended(`/${SECRET}`, backup.id);
    const [only] = told(`/${SECRET}`, backup.id);
    expect(only!.text).toMatch(/^\*backup on gone\* FAILED: The database cannot be reached/);
    expect(only!.faber_db).toMatchObject({ event: 'ended', status: 'error', code: 'health_check_failed', environment: 'gone' });
    await ended(`/${SECRET}`, rejected.id);
    expect(await readFile(join(stack.store, 'audit', 'audit.jsonl'), 'utf8')).toContain(backup.id);
  });

  it.concurrent('a failure that waits for a person, told by a webhook that fails at first; nothing that a migration says can call the channel', async () => {
    const stack = stacks.stopped;
    await stack.migration('20260102000000_<!channel>', 'SELECT 1/0;');
    const operation = await stack.start('migrate');
    await operation.approve();
    await operation.until((s) => s.phase === 'waiting_for_decision');
    await eventually(() => Promise.resolve(events('/flaky', operation.id)), (seen) => seen.includes('decision_waiting'));
    await operation.handle.signal('resolve', { choice: 'accept', by: 'ben' });
    await operation.answer();
    const seen = await ended('/flaky', operation.id);
    // At least once: one that was refused came again.
    expect(seen.filter((event, at) => event !== seen[at - 1])).toEqual(['approval_waiting', 'approved', 'decision_waiting', 'decided', 'ended']);
    const waiting = told('/flaky', operation.id).find((n) => n.faber_db.event === 'decision_waiting')!;
    expect(waiting.text).toContain(`accept`);
    expect(waiting.text).toContain(`\`faber-db decide ${operation.id} accept --by YOUR-NAME\``);
    expect(waiting.faber_db).toMatchObject({ code: 'migration_failed', waiting_for: expect.arrayContaining(['retry', 'accept']) as string[] });
    expect(JSON.stringify(told('/flaky', operation.id).map((n) => n.text))).not.toContain('<!channel>');
    expect(told('/flaky', operation.id).find((n) => n.faber_db.event === 'decided')!.text).toContain('accept, decided by ben (not verified)');
    expect(told('/flaky', operation.id).at(-1)!.text).toContain('FAILED');
  });

  it.concurrent('those that hang, or are not there, delay and fail nothing; the address of the webhook is nowhere', async () => {
    const stack = stacks.slow;
    const operation = await stack.start('migrate');
    await operation.approve();
    expect(await operation.answer()).toMatchObject({ status: 'success' });
    await eventually(() => Promise.resolve(server.received.map((r) => r.path)), (paths) => paths.includes(`/never-${SECRET}`) && paths.includes('/never'));
    await eventually(() => readFile(stacks.told.logFile, 'utf8'), (log) => log.includes('The plugin /nowhere/plugin could not be started (ENOENT)'));
    const texts: Record<string, string> = { log: await readFile(stacks.told.logFile, 'utf8') };
    for (const { workflowId, runId, type } of await workflowsOn(stack.client, stack.taskQueue)) {
      texts[`history of ${type} ${workflowId}`] = await historyText(stack.client, workflowId, runId);
      if (type === 'migrate') texts[`details of ${workflowId}`] = await shownText(stack.client, workflowId, runId);
    }
    expect(Object.keys(texts).some((name) => name.includes('notify'))).toBe(true);
    expect(leaksIn(texts, { webhook: SECRET })).toEqual([]);
  });
});
