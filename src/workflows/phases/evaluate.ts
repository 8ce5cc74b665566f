import { workflowInfo } from '@temporalio/workflow';
import type { FailureFacts, OperationInput, Response, Settings } from '../../contract/index.js';
import { StopHere, stepsOn } from '../guarded/steps.js';
import { runPhase } from './phase.js';

/** Applies to staging, runs the project's tests, and checks the data. What fails there leaves staging migrated, to be looked at. */
export async function evaluate(input: OperationInput): Promise<Response> {
  return runPhase('evaluate', input, async (phase, { settings }) => {
    const testing = settings.phases?.test_command ?? null;
    // Tests make and delete rows as they like, and nobody approves what they do.
    if (testing !== null && settings.protected) throw new StopHere(notTestedHere(settings));
    await phase.operation('migrate', 'migrate', {});
    const operation_id = workflowInfo().workflowId;
    const { changing } = stepsOn(settings);
    await phase.own('tests', testing ?? 'none configured', async () => {
      if (testing === null) return { message: 'phases.evaluate.test_command is not set', nothing: true };
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

function notTestedHere({ environment }: Settings): FailureFacts {
  return {
    code: 'environment_protected',
    message: `'${environment}' is protected: the project's tests (phases.evaluate.test_command) are not run on it; nothing was changed`,
    suggestions: [
      'Evaluate in staging: faber-db phase evaluate',
      `Where '${environment}' is none that anybody relies on, its config says so: environments.${environment}.protected: false`,
    ],
  };
}
