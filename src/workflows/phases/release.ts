import type { OperationInput, Response } from '../../contract/index.js';
import { runPhase } from './phase.js';

/**
 * The guarded migrate, watched. The watch is a part of the plan that a person approves, and of the change that holds the lock: when
 * health turns bad the change undoes itself by the ladder, and nobody has to approve that at night.
 */
export async function release(input: OperationInput): Promise<Response> {
  return runPhase('release', input, async (phase, { settings }) => {
    await phase.operation('migrate', 'migrate', { watch_seconds: settings.phases?.watch_seconds ?? 300 });
    return `Released to ${settings.environment}`;
  });
}
