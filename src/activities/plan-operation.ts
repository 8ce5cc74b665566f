import { createHash } from 'node:crypto';
import { FaberError } from '../contract/failure.js';
import type { Response } from '../contract/response.js';
import type { LoadedOperation, PlanOutcome } from './contract.js';
import { openResources, type Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { makePlan } from './make-plan.js';
import { needOfPlan, noteNeed } from './needs.js';
import { summarize } from './open-plan.js';
import { saveArtifact } from './plan-artifact.js';

/** Makes the plan from the checkout and keeps its bytes. Changes nothing in the database. */
export async function planOperation(deps: Dependencies, input: LoadedOperation & { operation_id: string }): Promise<PlanOutcome> {
  const { settings, request } = input;
  return withHeartbeat(async (running) => {
    const resources = openResources(deps, settings);
    const earlier = await resources.database.bookkeeping.operation(resources.target, input.operation_id).catch(() => null);
    if (earlier !== null) {
      if (earlier.request_digest !== input.request_digest) {
        throw new FaberError({
          code: 'operation_id_conflict',
          message: `The operation id ${input.operation_id} was used on ${earlier.begun_at} for another request`,
          suggestions: ['Use a new --workflow-id for a new request'],
        });
      }
      if (earlier.ended_at !== null && isAnswer(earlier.answer)) return { kind: 'answered', response: earlier.answer };
    }
    const store = await deps.openStore(settings);
    const { backup_id } = request.parameters as { backup_id?: string };
    if (backup_id !== undefined) await noteNeed(store, settings, input.operation_id, { backups: [backup_id] });
    const needsProject = !('backup_id' in request.parameters) || request.parameters.backup_id === undefined;
    const project = needsProject ? await resources.migrations.readProject(settings, deps.env) : { migrations: [], warnings: [] };
    const made = await makePlan({
      ...resources, seeds: deps.seeds, request, settings, store, project: project.migrations, projectWarnings: project.warnings,
      backups: deps.backups(settings, resources.database), drift: deps.drift(settings.provider, resources.database), operationId: input.operation_id, signal: running.signal, progress: running.progress,
    });
    const artifact = await saveArtifact(store, { version: 1, request, core: made.core, plan_hash: made.plan_hash, migrations: project.migrations }, (sha256) =>
      noteNeed(store, settings, input.operation_id, needOfPlan(made.core, sha256)));
    return {
      kind: 'planned',
      plan: summarize(made, artifact),
      nothing_to_do: made.nothing_to_do,
      identity_digest: createHash('sha256').update(made.identity.identity).digest('hex').slice(0, 24),
    };
  });
}

/** The row of an interrupted operation says in other words how it ended: that is no answer to give again. */
function isAnswer(answer: unknown): answer is Response {
  return typeof answer === 'object' && answer !== null && 'status' in answer;
}
