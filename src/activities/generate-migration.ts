import type { GenerateMigrationResult } from '../contract/results.js';
import { SHOWN_MIGRATIONS } from '../contract/plan.js';
import type { GenerateInput } from './contract.js';
import { classifyIn } from './classify.js';
import { openResources, type Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { plannedMigration } from './plan-migrate.js';

const NOTHING: GenerateMigrationResult = {
  generated: false, name: null, path: null, up_sha256: null, down_sha256: null, statements: 0, undo: null, risk: null, findings: [],
};

/** Safe to attempt again: what an earlier attempt wrote is found in the project and answered. */
export async function generateMigration(deps: Dependencies, input: GenerateInput): Promise<GenerateMigrationResult> {
  const { settings, operation_id: operationId } = input;
  return withHeartbeat(async ({ signal, progress }) => {
    const { target, migrations } = await openResources(deps, settings);
    const { migration, path, findings } = await migrations.generate(target, settings, {
      name: input.name, operationId, at: input.at_ms, signal, onProgress: progress, variables: deps.env,
    });
    if (migration === null) return NOTHING;
    const classification = await classifyIn(migrations, (await migrations.readProject(settings, deps.env)).migrations, migration);
    const { sha256, down_sha256, undo } = plannedMigration(migration, classification);
    return {
      generated: true, name: migration.name, path, up_sha256: sha256, down_sha256, statements: classification.statements, undo, risk: classification.risk,
      findings: [...findings, ...classification.findings].slice(0, SHOWN_MIGRATIONS),
    };
  });
}
