/** How a person approves in the demo: by a key here, in the Web UI, or with the `temporal` command. */
import { createInterface } from 'node:readline';
import type { PlanSummary } from '../../contract/index.js';
import { SIGNALS } from '../../contract/names.js';
import type { TemporalServer } from '../temporal-server.js';
import type { Screen } from './screen.js';

/** Quotes one word for a POSIX shell. */
const word = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** Says every way to approve. The command runs as pasted: address, program and payload are all in it. */
export function showWays(screen: Screen, temporal: TemporalServer, workflowId: string, plan: PlanSummary, by: string): void {
  const payload = JSON.stringify({ plan: plan.plan_hash.slice(0, 12), by });
  screen.say('  Waiting for approval. Any one of these:');
  screen.say('    - type y and Enter here (n refuses)');
  screen.say(`    - Web UI: ${temporal.webUi}/namespaces/${temporal.namespace}/workflows/${encodeURIComponent(workflowId)}`);
  screen.say(`        More Actions, Send a Signal, ${SIGNALS.approve}, ${payload}`);
  screen.say('    - in another shell:');
  screen.say(`        ${word(temporal.cli)} workflow signal --address ${temporal.address} --namespace ${temporal.namespace} \\`);
  screen.say(`          --workflow-id ${word(workflowId)} --name ${SIGNALS.approve} --input ${word(payload)}`);
}

/**
 * Asks on the terminal until y or n, or until `signal` aborts because somebody decided elsewhere.
 * @returns null when aborted, or when the terminal closed.
 */
export async function askOnTerminal(signal: AbortSignal): Promise<'approve' | 'reject' | null> {
  const lines = createInterface({ input: process.stdin });
  const close = () => lines.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    for await (const line of lines) {
      const answer = line.trim().toLowerCase();
      if (answer === 'y' || answer === 'yes') return 'approve';
      if (answer === 'n' || answer === 'no') return 'reject';
    }
    return null;
  } finally {
    signal.removeEventListener('abort', close);
    lines.close();
  }
}
