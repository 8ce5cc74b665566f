import { createHash } from 'node:crypto';
import { FaberError } from '../contract/failure.js';
import type { Response } from '../contract/response.js';
import type { LoadedOperation, PlanOutcome } from './contract.js';
import type { Settings } from '../contract/settings.js';
import type { Ledger, Migration } from '../handlers/migration/contract.js';
import { openResources, type Dependencies, type Resources } from './dependencies.js';
import { withHeartbeat, type Running } from './heartbeat.js';
import { makePlan } from './make-plan.js';
import { needOfPlan, noteNeed } from './needs.js';
import { summarize } from './open-plan.js';
import { saveArtifact } from './plan-artifact.js';

/** Makes the plan from the checkout and keeps its bytes. Changes nothing in the database. */
export async function planOperation(deps: Dependencies, input: LoadedOperation & { operation_id: string }): Promise<PlanOutcome> {
  const { settings, request } = input;
  return withHeartbeat(async (running) => {
    const resources = await openResources(deps, settings);
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
    const migrations = await triedOut(resources, settings, input, project.migrations, running);
    const made = await makePlan({
      ...resources, seeds: deps.seeds, request, settings, store, project: migrations, projectWarnings: project.warnings,
      backups: await deps.backups(settings, resources.database), drift: deps.drift(settings.provider, resources.database), operationId: input.operation_id, signal: running.signal, progress: running.progress,
    });
    const artifact = await saveArtifact(store, { version: 1, request, core: made.core, plan_hash: made.plan_hash, migrations }, (sha256) =>
      noteNeed(store, settings, input.operation_id, needOfPlan(made.core, sha256)));
    return {
      kind: 'planned',
      plan: summarize(made, artifact),
      nothing_to_do: made.nothing_to_do,
      identity_digest: createHash('sha256').update(made.identity.identity).digest('hex').slice(0, 24),
    };
  });
}

/** Where migrations are programs: what they send is found out beside the database, and is kept with the plan. */
async function triedOut(
  { migrations: tool, target }: Resources, settings: Settings, { request, operation_id: operationId }: LoadedOperation & { operation_id: string }, project: Migration[],
  { signal, progress }: Running,
): Promise<Migration[]> {
  if (tool.tryOut === undefined || project.length === 0) return project;
  const { applied } = tool.compare(project, await tool.readLedger(target, settings).catch(() => NO_LEDGER));
  const { steps, migration } = request.parameters as { steps?: number; migration?: string };
  const kept = request.operation === 'rollback' ? applied.length - (steps ?? 1) : request.operation === 'rollback-to' && migration !== undefined ? applied.indexOf(migration) + 1 : applied.length;
  return tool.tryOut(project, target, settings, { undone: applied.slice(Math.max(kept, 0)).reverse(), operationId, signal, onProgress: progress });
}

/** A database that is not there yet has none. */
const NO_LEDGER: Ledger = { exists: false, rows: [], digest: '' };

/** The row of an interrupted operation says in other words how it ended: that is no answer to give again. */
function isAnswer(answer: unknown): answer is Response {
  return typeof answer === 'object' && answer !== null && 'status' in answer;
}
