/** Run by `npm run test:principal` on a server that stamps principals. */
import { writeFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStack, type Stack } from '../support/stack.js';
import { type AuthorizingServer, startAuthorizingServer } from './server.js';

describe('verification by principal, on a server that authenticates', () => {
  let server: AuthorizingServer;
  let stack: Stack;
  const connections: Connection[] = [];
  const as = async (name: string, identity = 'ceo@example.com'): Promise<Client> => {
    const connection = await Connection.connect({ address: server.address, apiKey: await server.tokenOf(name), tls: false });
    connections.push(connection);
    return new Client({ connection, namespace: server.namespace, identity });
  };

  beforeAll(async () => {
    server = await startAuthorizingServer();
    stack = await createStack({
      temporal: { address: server.address, namespace: server.namespace, client: await server.tokenOf('pipeline@example.com'), worker: await server.tokenOf('worker@example.com') },
      safety: { on_failure: 'stop', approval: { verification: 'principal', approvers: ['*@example.com'] } },
    });
    await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY);');
    await stack.migration('20260102000000_fails', 'INSERT INTO t VALUES (1), (1);');
  });
  afterAll(async () => {
    for (const connection of connections) await connection.close();
    await server?.stop();
  });

  it('who signals is who decides, whatever identity and payload say, and so are the ways out', async () => {
    // Whoever asked says to be somebody else: the start event knows better.
    const operation = await stack.start('migrate', {}, { requestedBy: 'somebody@example.com' });
    const { plan } = await operation.until((s) => s.phase === 'waiting_for_approval');
    const signal = async (name: string, what: string, payload: object, id = operation.id) => (await as(name)).workflow.getHandle(id).signal(what, payload);
    const approval = { plan: plan!.plan_hash.slice(0, 12), by: 'ceo@example.com', comment: 'go' };

    await signal('pipeline@example.com', 'approve', approval);
    await signal('eve@elsewhere.org', 'approve', approval);
    await signal('eve@elsewhere.org', 'reject', approval);
    const { refused } = await operation.until((s) => s.refused_count === 3);
    const unlisted = 'eve@elsewhere.org: not on the list of approvers';
    expect(new Set(refused.map((r) => `${r.by}: ${r.reason}`))).toEqual(new Set([unlisted, 'pipeline@example.com: who asked for the operation may not approve it']));
    const update = (await as('ana@example.com')).workflow.getHandle(operation.id).executeUpdate('decide', { args: [{ decision: 'approve', ...approval }] });
    await expect(update).rejects.toMatchObject({ cause: { type: 'send_a_signal' } });
    await signal('ana@example.com', 'approve', approval);

    const { change_workflow_id: change } = await operation.until((s) => s.phase === 'waiting_for_decision');
    expect((await operation.state()).approvals).toMatchObject([{ by: 'ana@example.com', comment: 'go', verification: 'principal' }]);
    // Eve points at a signal that is not hers to send: there is none yet, then hers counts for what she is.
    await signal('eve@elsewhere.org', 'resolve', { choice: 'accept', by: 'ana@example.com', forwarded: 1 }, change!);
    await operation.untilChange((s) => s.refused_count === 1);
    await signal('eve@elsewhere.org', 'resolve', { choice: 'accept', by: 'ana@example.com' });
    const seen = await operation.untilChange((s) => s.refused_count === 2);
    expect(seen.refused.map((r) => r.reason)).toEqual(['the signal is not in the history', 'not on the list of approvers']);
    await signal('ana@example.com', 'resolve', { choice: 'accept', by: 'nobody' });
    expect(await operation.answer()).toMatchObject({ status: 'error', code: 'migration_failed', result: { rollback: { status: 'stopped', by: 'person', reason: 'left as it is by decision of ana@example.com' } } });

    const history = await operation.handle.fetchHistory();
    const started = history.events![0]!.principal;
    expect(started).toMatchObject({ type: 'jwt', name: 'pipeline@example.com' });
    if (process.env['FABER_DB_RECORD']) await writeFile(process.env['FABER_DB_RECORD'], startAndSignals(historyToJSON(history)));
  });
});

interface RecordedHistory {
  events: { eventType: string; workflowExecutionStartedEventAttributes?: { workflowType: unknown } }[];
}

/** For the test of every day, which reads it: the start and the signals, without what tells of this machine. */
function startAndSignals(json: string): string {
  const { events } = JSON.parse(json) as RecordedHistory;
  const kept = events.filter(({ eventType }) => /_(STARTED|SIGNALED)$/.test(eventType) && eventType.startsWith('EVENT_TYPE_WORKFLOW_EXECUTION_'));
  const slim = kept.map(({ workflowExecutionStartedEventAttributes: start, ...event }) => (start ? { ...event, workflowExecutionStartedEventAttributes: { workflowType: start.workflowType } } : event));
  return `${JSON.stringify({ events: slim }, null, 1)}\n`;
}
