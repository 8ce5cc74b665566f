/** Looks for planted secrets in text, in every form that text can carry them in. */
import { readdir, readFile } from 'node:fs/promises';
import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

/** Plain, percent-encoded, JSON-escaped, doubled quotes, and base64 wherever the secret starts in it. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64').replaceAll('=', '');
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
  const percent = encodeURIComponent(secret);
  return [secret, percent, percent.toLowerCase(), encodeURI(secret), JSON.stringify(secret).slice(1, -1), secret.replaceAll("'", "''"), bytes.toString('hex'), ...base64];
}

/** Each place that holds a secret, with what stands around it. */
export function leaksIn(places: Record<string, string>, secrets: Record<string, string>): string[] {
  return Object.entries(places).flatMap(([place, text]) =>
    Object.entries(secrets).flatMap(([name, secret]) =>
      formsOf(secret).flatMap((form) => {
        const at = text.indexOf(form);
        return at < 0 ? [] : [`${name} in ${place}: …${text.slice(Math.max(0, at - 120), at + form.length + 40)}…`];
      }),
    ),
  );
}

/** Every event of a workflow, once as JSON with the payloads as they travel (base64), once with every payload decoded. */
export async function historyText(client: Client, workflowId: string, runId?: string): Promise<string> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const decoded: string[] = [];
  const raw = JSON.stringify(events, (_key, value: unknown) => {
    const bytes = value !== null && typeof value === 'object' && (value as { type?: unknown }).type === 'Buffer' ? Buffer.from((value as { data: number[] }).data) : isBytes(value) ? Buffer.from(value) : null;
    if (bytes === null) return value;
    decoded.push(bytes.toString('utf8'));
    return bytes.toString('base64');
  });
  return `${raw}\n${decoded.join('\n')}`;
}

/** Workflows that ran on a task queue. */
export async function workflowsOn(client: Client, taskQueue: string): Promise<{ workflowId: string; runId: string; type: string }[]> {
  const found = [];
  for await (const { workflowId, runId, type } of client.workflow.list({ query: `TaskQueue = "${taskQueue}"` })) found.push({ workflowId, runId, type });
  return found;
}

/** What a workflow shows to who asks: the current details and every query's description. */
export async function shownText(client: Client, workflowId: string, runId: string): Promise<string> {
  const { queryResult } = await client.workflowService.queryWorkflow({
    namespace: client.options.namespace, execution: { workflowId, runId }, query: { queryType: '__temporal_workflow_metadata' },
  });
  return (queryResult?.payloads ?? []).map((payload: temporal.api.common.v1.IPayload) => Buffer.from(payload.data ?? []).toString('utf8')).join('\n');
}

/** The arguments of every process of this machine, again and again until stopped. */
export function watchArguments(): { stop(): Promise<string> } {
  const seen = new Set<string>();
  let watching = true;
  const watch = (async () => {
    while (watching) {
      for (const pid of (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))) {
        seen.add(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
      }
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  })();
  return {
    async stop() {
      watching = false;
      await watch;
      return [...seen].map((line) => line.replaceAll('\0', ' ')).join('\n');
    },
  };
}
