/** Payloads as no client of ours would encode them, sent past the client's own converter. */
import { randomBytes } from 'node:crypto';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';

type Payload = temporal.api.common.v1.IPayload;

export const raw = (encoding: string | null, data: string, metadata: Record<string, string> = {}): Payload => ({
  metadata: Object.fromEntries(Object.entries({ ...(encoding === null ? {} : { encoding }), ...metadata }).map(([key, value]) => [key, Buffer.from(value)])),
  data: Buffer.from(data),
});

/** Everything that one signal from a UI, a CLI or another SDK can look like and mean nothing. */
export const RAW_PAYLOADS = {
  'json/protobuf': raw('json/protobuf', '{"plan":"abcdef01"}', { messageType: 'google.protobuf.StringValue' }),
  'binary/encrypted': raw('binary/encrypted', 'not to be read', { 'encryption-key-id': 'k1' }),
  'broken json': raw('json/plain', '{"plan": "abcdef01", '),
  'no encoding': raw(null, '{}'),
  'unknown encoding': raw('application/x-nothing', '{}'),
  'binary/plain': raw('binary/plain', '\u0000\u0001\u0002'),
  'binary/null': raw('binary/null', ''),
  'json null': raw('json/plain', 'null'),
  'a number': raw('json/plain', '7'),
  'a text': raw('json/plain', '"approve"'),
  'a list': raw('json/plain', '[{"workflow_id": 1}]'),
  'an empty object': raw('json/plain', '{}'),
  'fields of the wrong types': raw('json/plain', '{"plan": 1, "by": {}, "workflow_id": [], "behind": "x", "status": "error", "choice": null, "resolve": 5}'),
  'a key of the prototype': raw('json/plain', '{"__proto__": {"plan": "abcdef01", "by": "x"}, "constructor": 1}'),
  'not UTF-8': { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from([0xff, 0xfe, 0x00]) },
} satisfies Record<string, Payload>;

const execution = (workflowId: string) => ({ workflowId });

/** @param payload null: the signal has no payload at all */
export async function signalRaw(client: Client, workflowId: string, signalName: string, payload: Payload | null): Promise<void> {
  await client.workflowService.signalWorkflowExecution({
    namespace: client.options.namespace, workflowExecution: execution(workflowId), signalName,
    input: payload === null ? null : { payloads: [payload] }, requestId: randomBytes(8).toString('hex'), identity: 'somebody',
  });
}

/** @returns the failure's message, or null where the update was accepted */
export async function updateRaw(client: Client, workflowId: string, name: string, payload: Payload | null): Promise<string | null> {
  const { outcome } = await client.workflowService.updateWorkflowExecution({
    namespace: client.options.namespace, workflowExecution: execution(workflowId),
    waitPolicy: { lifecycleStage: 3 },
    request: { meta: { updateId: randomBytes(8).toString('hex'), identity: 'somebody' }, input: { name, args: payload === null ? null : { payloads: [payload] } } },
  });
  return outcome?.failure?.message ?? null;
}

/** Starts a workflow with exactly this argument. */
export async function startRaw(client: Client, type: string, taskQueue: string, payload: Payload | null, workflowId = `raw-${randomBytes(5).toString('hex')}`): Promise<WorkflowHandle> {
  await client.workflowService.startWorkflowExecution({
    namespace: client.options.namespace, workflowId, workflowType: { name: type }, taskQueue: { name: taskQueue },
    input: payload === null ? null : { payloads: [payload] }, requestId: randomBytes(8).toString('hex'), identity: 'somebody',
  });
  return client.workflow.getHandle(workflowId);
}
