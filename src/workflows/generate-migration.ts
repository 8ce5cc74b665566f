import { workflowInfo } from '@temporalio/workflow';
import type { OperationInput, Response } from '../contract/index.js';
import { stepsOn } from './guarded/steps.js';
import { unguarded } from './unguarded.js';

/** Writes a migration, and a down script beside it, of what the project's schema has and its migrations do not. */
export async function generateMigration(input: OperationInput): Promise<Response> {
  const at = Date.now();
  return unguarded('generate-migration', input, async ({ settings, request }, progress) => {
    progress.enter('generating', 'Making the migration and trying it on a scratch database');
    const { name } = request.parameters as { name: string };
    const result = await stepsOn(settings).changing.generateMigration({ operation_id: workflowInfo().workflowId, settings, name, at_ms: at });
    const without = result.down_sha256 === null ? ', without a down script' : '';
    return {
      status: 'success', operation: 'generate-migration', environment: settings.environment, result,
      message: result.generated ? `Wrote ${result.path}${without}; nothing was applied` : 'Nothing to generate: the migrations make what the schema says',
    };
  });
}
