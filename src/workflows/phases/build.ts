import { workflowInfo } from '@temporalio/workflow';
import type { OperationInput, Response } from '../../contract/index.js';
import { stepsOn } from '../guarded/steps.js';
import { runPhase } from './phase.js';

/**
 * Generates (where a name is given), validates, applies to dev. What is pending goes up, down and up again on a scratch database
 * before dev sees it: a down on dev would take its data away, and a migration that fails there is nobody's but ours to clean up.
 */
export async function build(input: OperationInput): Promise<Response> {
  return runPhase('build', input, async (phase, { settings, request }) => {
    const { name } = request.parameters as { name?: string };
    if (name !== undefined) await phase.operation('generate', 'generate-migration', { name });
    await phase.own('validate', 'up, down and up again on a scratch database', async () => {
      const tried = await stepsOn(settings).changing.rehearseMigrations({ operation_id: workflowInfo().workflowId, settings });
      if (tried.up.length === 0) return { message: 'Nothing is pending', nothing: true };
      const without = tried.up.length - tried.down.length;
      return { message: `${tried.up.length} pending went up, ${tried.down.length} of them down and up again${without > 0 ? `; not tried further down than ${tried.stopped_at}, which has no down script` : ''}` };
    });
    await phase.operation('apply', 'migrate', {}, { phase: 'build' });
    return `Built: ${settings.environment} is up to date, and what was applied was validated`;
  });
}
