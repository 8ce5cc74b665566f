import { workflowInfo } from '@temporalio/workflow';
import type { OperationInput, Response } from '../../contract/index.js';
import { stepsOn } from '../guarded/steps.js';
import { runPhase } from './phase.js';

/** Applies to staging, runs the project's tests, and checks the data. What fails there leaves staging migrated, to be looked at. */
export async function evaluate(input: OperationInput): Promise<Response> {
  return runPhase('evaluate', input, async (phase, { settings }) => {
    await phase.operation('migrate', 'migrate', {});
    const operation_id = workflowInfo().workflowId;
    const { changing } = stepsOn(settings);
    await phase.own('tests', settings.phases?.test_command ?? 'none configured', async () => {
      if ((settings.phases?.test_command ?? null) === null) return { message: 'phases.evaluate.test_command is not set', nothing: true };
      const { command } = await changing.runTests({ operation_id, settings });
      return { message: `${command}: passed` };
    });
    await phase.own('integrity', 'constraints, indexes, and the checks of the config', async () => {
      const { checks, remarks } = await changing.checkIntegrity({ operation_id, settings });
      return { message: [`${checks} check${checks === 1 ? '' : 's'} found no row`, ...remarks].join('; '), nothing: checks === 0 && remarks.length === 0 };
    });
    return `Evaluated: ${settings.environment} is migrated, its tests and checks pass`;
  });
}
