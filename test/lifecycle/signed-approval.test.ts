import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaberClient } from '../../src/client/client.js';
import { main } from '../../src/client/cli/main.js';
import type { AuditRecord, ErrorResponse, SuccessResponse } from '../../src/contract/index.js';
import { failedTasks } from '../support/history.js';
import { forge, partsOf, signer, type Signer, type Told, tokenBy } from '../support/signing.js';
import { eventually } from '../support/eventually.js';
import type { Operation, Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';
import { tempDir } from '../support/temp.js';
import { temporal } from '../support/temporal.js';

const ana = signer('EdDSA');
const bob = signer('ES256');
const login = signer('RS256');
const stranger = signer('EdDSA');
const PASSPHRASE = `open ${randomBytes(9).toString('hex')}`;

const keys = [
  { id: 'ana-2026', key: ana.pem, signs_for: ['ana@example.com', 'guest@elsewhere.org', 'pipeline@example.com'] },
  { id: 'bob-2026', key: bob.known.jwk, signs_for: ['bob@example.com'] },
];
const signed = { verification: 'signed', keys, approvers: ['*@example.com'] };
const now = () => Math.floor(Date.now() / 1000);

describe('where decisions are signed', () => {
  let stacks: Record<'waiting' | 'stopped' | 'flooded' | 'issuer' | 'principal', Stack>;
  let client: FaberClient;
  let connection: NodeJS.ProcessEnv;
  const server = createServer({ key: '', cert: '' });

  beforeAll(async () => {
    const tls = new URL('../support/loopback-tls/', import.meta.url);
    server.setSecureContext({ key: await readFile(new URL('key.pem', tls)), cert: await readFile(new URL('cert.pem', tls)) });
    server.on('request', (_request, response) => response.end(JSON.stringify({ keys: [{ ...login.known.jwk, kid: 'login-1', use: 'sig', alg: 'RS256' }] })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const jwks = `https://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
    stacks = await createStacks(
      {
        waiting: { safety: { approval: { ...signed, minimum_approvals: 2 } } },
        stopped: { safety: { on_failure: 'stop', approval: signed } },
        flooded: { safety: { approval: signed } },
        issuer: { safety: { approval: { verification: 'signed', jwks, issuer: 'https://login.example.com', audience: 'migrations' } } },
        principal: { safety: { approval: { verification: 'principal' } } },
      },
      { NODE_EXTRA_CA_CERTS: new URL('cert.pem', tls).pathname },
    );
    for (const stack of Object.values(stacks)) await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY);');
    const { address, namespace } = await temporal();
    connection = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
    client = await FaberClient.connect({ address, namespace, env: {} });
  });
  afterAll(async () => {
    server.close();
    await client.close();
  });

  const waiting = async (stack: Stack, id?: string): Promise<{ operation: Operation; plan: string }> => {
    const operation = await stack.start('migrate', {}, id === undefined ? {} : { id });
    const { plan } = await operation.until((s) => s.phase === 'waiting_for_approval');
    return { operation, plan: plan!.plan_hash };
  };
  const tokenFor = ({ id }: Operation, plan: string, key: Signer = ana, { claims = {}, header = {} }: Told = {}) =>
    tokenBy(key, { claims: { operation: id, plan, ...claims }, header });
  const audited = async (stack: Stack, id: string): Promise<AuditRecord> => {
    const lines = (await readFile(join(stack.store, 'audit', 'audit.jsonl'), 'utf8')).trim().split('\n');
    return lines.map((line) => JSON.parse(line) as AuditRecord).find((record) => record.operation_id === id)!;
  };

  it.concurrent('what is not rightly signed is refused with the reason and recorded, and two who may sign approve the plan', async () => {
    const stack = stacks.waiting;
    const { operation, plan } = await waiting(stack);
    const good = await tokenFor(operation, plan);
    const { claims } = partsOf(good);
    const refusals: [unknown, RegExp][] = [
      [{ by: 'ana@example.com' }, /signed here, and this one has no token/],
      [{ by: 'ana@example.com', token: 'no token' }, /must be a JWT/],
      [{ token: await tokenFor(operation, plan, stranger) }, /the signature is not that of the key/],
      [{ token: forge({ alg: 'none' }, claims, '') }, /must be signed with/],
      [{ token: await tokenFor(operation, plan, ana, { claims: { operation: 'release-1' } }) }, /another operation/],
      [{ token: await tokenFor(operation, plan, ana, { claims: { plan: '0'.repeat(64) } }) }, /another plan/],
      [{ token: await tokenFor(operation, plan, ana, { claims: { exp: now() - 60, iat: now() - 90 } }) }, /expired|before this was asked/],
      [{ token: await tokenFor(operation, plan, ana, { claims: { sub: 'bob@example.com' } }) }, /may not sign for this name/],
      [{ token: await tokenFor(operation, plan, ana, { claims: { sub: 'guest@elsewhere.org' } }) }, /not on the list of approvers/],
      [{ token: await tokenFor(operation, plan, ana, { claims: { sub: 'pipeline@example.com' } }) }, /who asked for the operation may not approve it/],
      [{ token: await tokenFor(operation, plan, ana, { claims: { decision: 'reject' } }) }, /says reject, it was sent as approve/],
    ];
    for (const [payload, reason] of refusals) {
      const update = operation.handle.executeUpdate('decide', { args: [{ decision: 'approve', plan: plan.slice(0, 12), ...(payload as object) }] });
      await expect(update).rejects.toMatchObject({ cause: { message: expect.stringMatching(reason) as string } });
    }
    await operation.handle.signal('approve', { plan: plan.slice(0, 12), by: 'ana@example.com' });
    await operation.handle.signal('reject', { plan: plan.slice(0, 12), by: 'ana@example.com' });
    expect((await operation.until((s) => s.refused.at(-1)?.decision === 'reject')).phase).toBe('waiting_for_approval');

    // The signal, the same one again, and another token of the same jti.
    const jti = randomUUID();
    const token = await tokenFor(operation, plan, ana, { claims: { jti, comment: 'fine' } });
    await operation.handle.signal('approve', { plan: plan.slice(0, 12), token, by: 'eve@example.com', comment: 'not signed' });
    expect((await operation.until((s) => s.approvals.length === 1)).approvals[0]).toMatchObject({ by: 'ana@example.com', comment: 'fine', verification: 'signed', key_id: 'ana-2026' });
    const again = async (same: string) => operation.handle.executeUpdate('decide', { args: [{ decision: 'approve', plan: plan.slice(0, 12), token: same }] });
    await expect(again(token)).rejects.toMatchObject({ cause: { message: expect.stringContaining('was sent already') as string } });
    await expect(again(await tokenFor(operation, plan, ana, { claims: { jti, comment: 'again' } }))).rejects.toMatchObject({ cause: { message: expect.stringContaining('used already (jti)') as string } });

    expect(await again(await tokenFor(operation, plan, bob, { claims: { sub: 'bob@example.com' } }))).toEqual({ recorded: 'approve' });
    expect(await operation.answer()).toMatchObject({
      status: 'success',
      result: { migrations_applied: 1, approved_by: ['ana@example.com (approver verified by signature (ana-2026))', 'bob@example.com (approver verified by signature (bob-2026))'] },
    });
    const record = await audited(stack, operation.id);
    expect(record.decisions.map(({ by, verification, key_id }) => [by, verification, key_id])).toEqual([['ana@example.com', 'signed', 'ana-2026'], ['bob@example.com', 'signed', 'bob-2026']]);
    expect(record.refused_decisions.map((r) => r.reason)).toContain('this token was used already (jti)');
    const { progress } = await operation.state();
    expect(progress.map((line) => line.message)).toContain('Approved by ana@example.com (approver verified by signature (ana-2026)), bob@example.com (approver verified by signature (bob-2026))');
    expect(await failedTasks(stack.client, operation.id)).toEqual([]);
  });

  it.concurrent('the command line signs approvals and the ways out of a failure, and shows nothing of the key', async () => {
    const stack = stacks.stopped;
    const file = join(await tempDir(), 'ana.pem');
    await writeFile(file, ana.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE }));
    await stack.migration('20260102000000_fails', 'INSERT INTO t VALUES (1), (1);');
    const { operation, plan } = await waiting(stack);

    expect(await cli(['approve', operation.id, '--plan', plan.slice(0, 8), '--by', 'ana@example.com', '--sign', file])).toMatchObject({ code: 1, text: expect.stringContaining('FABER_DB_KEY_PASSPHRASE is not set') as string });
    const unsigned = await cli(['approve', operation.id, '--plan', plan.slice(0, 8), '--by', 'ana@example.com']);
    expect(unsigned).toMatchObject({ code: 1, text: expect.stringContaining('this one has no token') as string });
    const approved = await cli(['approve', operation.id, '--plan', plan.slice(0, 8), '--by', 'ana@example.com', '--sign', file], { FABER_DB_KEY_PASSPHRASE: PASSPHRASE });
    expect(approved).toMatchObject({ code: 0, text: expect.stringContaining('Approved plan') as string });

    const { change_workflow_id } = await operation.until((s) => s.phase === 'waiting_for_decision');
    const early = await tokenFor(operation, plan, ana, { claims: { decision: 'accept', iat: now() - 300 } });
    const change = stack.client.workflow.getHandle(change_workflow_id!);
    for (const handle of [operation.handle, change]) await handle.signal('resolve', { choice: 'accept', by: 'ana@example.com' });
    await change.signal('resolve', { choice: 'accept', token: await tokenFor(operation, plan, ana, { claims: { decision: 'retry' } }) });
    await change.signal('resolve', { choice: 'accept', token: early });
    await change.signal('resolve', { choice: 'accept', token: await tokenFor(operation, plan, ana, { claims: { sub: 'guest@elsewhere.org', decision: 'accept' } }) });
    const { refused } = await operation.untilChange((s) => s.refused_count === 5);
    expect(refused.map((r) => r.reason)).toEqual([
      expect.stringContaining('has no token'), expect.stringContaining('has no token'),
      'the token says retry, it was sent as accept', 'the token was made before this was asked', 'not on the list of approvers',
    ]);
    await expect(client.resolve(operation.id, { choice: 'accept', by: 'ana@example.com', key: { key: stranger.privateKey, algorithm: 'EdDSA', id: 'ana-2026' } })).rejects.toMatchObject({
      message: expect.stringContaining('the signature is not that of the key') as string,
    });
    const decided = await cli(['decide', operation.id, 'accept', '--by', 'ana@example.com', '--sign', file], { FABER_DB_KEY_PASSPHRASE: PASSPHRASE });
    expect(decided.code).toBe(0);
    expect((await operation.answer()) as ErrorResponse).toMatchObject({ status: 'error', code: 'migration_failed', result: { rollback: { status: 'stopped', by: 'person' } } });
    const { decisions } = await audited(stack, operation.id);
    expect(decisions.map((d) => [d.decision, d.by, d.verification, d.key_id])).toEqual([['approve', 'ana@example.com', 'signed', 'ana-2026'], ['accept', 'ana@example.com', 'signed', 'ana-2026']]);
    for (const { text } of [approved, decided, unsigned]) {
      expect(text).not.toContain(PASSPHRASE);
      expect(text).not.toMatch(/eyJ|PRIVATE/);
    }
    for (const id of [operation.id, change_workflow_id!]) expect(await failedTasks(stack.client, id)).toEqual([]);
  });

  it.concurrent('a flood of tokens is verified up to a bound, and the operation can still be cancelled', async () => {
    const { operation, plan } = await waiting(stacks.flooded);
    const { claims } = partsOf(await tokenFor(operation, plan));
    for (let sent = 0; sent < 300; sent += 50) {
      await Promise.all(Array.from({ length: 50 }, () => operation.handle.signal('approve', { plan: plan.slice(0, 8), token: forge({ alg: 'EdDSA' }, { ...claims, jti: randomUUID() }, 'AAAA') })));
    }
    const { refused } = await operation.until((s) => s.refused_count === 300);
    expect(refused.at(-1)?.reason).toMatch(/more than 200 decisions were sent|not that of the key/);
    const { events } = await operation.handle.fetchHistory();
    expect(events!.filter((event) => event.activityTaskScheduledEventAttributes).length).toBeLessThan(150);
    await operation.handle.cancel();
    expect(await operation.answer()).toMatchObject({ status: 'cancelled', code: 'cancelled' });
    // The server itself ends a task behind which more than a hundred events wait, and gives no message.
    expect((await failedTasks(stacks.flooded.client, operation.id)).filter((message) => message !== 'unknown')).toEqual([]);
  });

  it.concurrent('tokens of an issuer are verified by its key set, and one sent before the plan is judged then', async () => {
    const stack = stacks.issuer;
    const preview = (await (await stack.start('migrate-preview')).answer()) as SuccessResponse;
    const plan = preview.result['plan_hash'] as string;
    const id = `issued-${randomUUID()}`;
    const operation = await stack.start('migrate', {}, { id });
    const claims = { iss: 'https://login.example.com', aud: 'migrations', sub: 'dana@example.com' };
    await operation.handle.signal('approve', { plan: plan.slice(0, 8), token: await tokenFor(operation, plan, stranger, { claims, header: { kid: 'login-2' } }) });
    await operation.handle.signal('approve', { plan: plan.slice(0, 8), token: await tokenFor(operation, plan, login, { claims: { ...claims, iss: 'https://evil.example.com' }, header: { kid: 'login-1' } }) });
    await operation.until((s) => s.refused_count === 2);
    await operation.handle.signal('approve', { plan: plan.slice(0, 8), token: await tokenFor(operation, plan, login, { claims, header: { kid: 'login-1' } }) });
    expect(await operation.answer()).toMatchObject({ status: 'success' });
    const record = await audited(stack, id);
    expect(record.refused_decisions.map((r) => r.reason)).toEqual(['the key that signed it is not known here', 'the token is of another issuer']);
    expect(record.decisions[0]).toMatchObject({ by: 'dana@example.com', verification: 'signed', key_id: 'login-1' });
  });

  it.concurrent('by principal, a decision of which the server does not say who sent it is refused, and an update always', async () => {
    const { operation, plan } = await waiting(stacks.principal);
    const update = operation.handle.executeUpdate('decide', { args: [{ decision: 'approve', plan, by: 'ana@example.com' }] });
    await expect(update).rejects.toMatchObject({ cause: { type: 'send_a_signal', message: expect.stringContaining('an update has none') as string } });
    expect(await client.approve(operation.id, { plan, by: 'ana@example.com' })).toMatchObject({ recorded: 'approve', via: 'signal' });
    await operation.handle.signal('reject', { plan, by: 'ana@example.com' });
    const state = await eventually(operation.state, ({ refused_count }) => refused_count === 2);
    expect(state).toMatchObject({ phase: 'waiting_for_approval', approvals: [] });
    for (const { reason } of state.refused) expect(reason).toContain('no principal');
    await operation.handle.cancel();
    expect(await operation.answer()).toMatchObject({ status: 'cancelled', code: 'cancelled' });
  });

  async function cli(argv: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number; text: string }> {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    let text = '';
    for (const stream of [stdout, stderr]) stream.on('data', (part: Buffer) => (text += part.toString()));
    stdin.end();
    const code = await main(argv, { stdin, stdout, stderr, env: { ...connection, ...env }, invokedAs: 'faber-db', signal: new AbortController().signal });
    await new Promise((resolve) => setImmediate(resolve));
    return { code, text };
  }
});
