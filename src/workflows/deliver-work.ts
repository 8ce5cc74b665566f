import { proxyActivities } from '@temporalio/workflow';
import type { ChangingActivities } from '../activities/contract.js';
import type { Settings, WorkRequest } from '../contract/index.js';
import { onlyAsChild } from './only-as-child.js';

/** Hands the end of one operation to the work plugin, retried without end, as the audit is. */
export async function deliverWork(input: { settings: Settings; record: WorkRequest }): Promise<void> {
  onlyAsChild();
  const { sendWork } = proxyActivities<Pick<ChangingActivities, 'sendWork'>>({
    startToCloseTimeout: '1 minute',
    retry: { initialInterval: '2 seconds', maximumInterval: '10 minutes' },
  });
  await sendWork(input);
}
