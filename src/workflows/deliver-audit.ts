import { proxyActivities } from '@temporalio/workflow';
import type { ChangingActivities } from '../activities/contract.js';
import type { AuditRecord, Settings } from '../contract/index.js';
import { onlyAsChild } from './only-as-child.js';

/** Hands one audit record to the logs plugin, retried without end: it must not be lost, whatever the plugin does. */
export async function deliverAudit(input: { settings: Settings; record: AuditRecord }): Promise<void> {
  onlyAsChild();
  const { sendAudit } = proxyActivities<Pick<ChangingActivities, 'sendAudit'>>({
    startToCloseTimeout: '1 minute',
    retry: { initialInterval: '2 seconds', maximumInterval: '10 minutes' },
  });
  await sendAudit(input);
}
