/** What a migrate would run: pending migrations, a baseline, failed rows to settle. */
import { createHash } from 'node:crypto';
import type { DriftDifference } from '../contract/drift.js';
import { FaberError } from '../contract/failure.js';
import type { Finding, PlannedMigration } from '../contract/plan.js';
import type { Risk, Settings } from '../contract/settings.js';
import type { DatabaseIdentity } from '../handlers/database/contract.js';
import type { Classification, Ledger, Migration, MigrationStatus } from '../handlers/migration/contract.js';
import { classifyIn } from './classify.js';
import type { PlanInput, PlanParts } from './make-plan.js';

const RISKS: Risk[] = ['low', 'medium', 'high', 'destructive'];
export const higher = (a: Risk, b: Risk): Risk => (RISKS.indexOf(a) >= RISKS.indexOf(b) ? a : b);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export function plannedMigration(migration: Migration, classification: Pick<Classification, 'transaction' | 'undo'>): PlannedMigration {
  return {
    name: migration.name,
    sha256: sha256(migration.up),
    down_sha256: migration.down === null ? null : sha256(migration.down),
    transaction: classification.transaction,
    undo: classification.undo,
    ...(migration.program === undefined ? {} : { files: migration.program.files }),
  };
}

export async function planMigrate(input: PlanInput, identity: DatabaseIdentity): Promise<PlanParts> {
  const { migrations, target, settings, project } = input;
  const ledger = await migrations.readLedger(target, settings);
  const status = migrations.compare(project, ledger);
  const wanted = (input.request.parameters as { baseline?: string }).baseline;
  const baseline = wanted === undefined ? [] : await planBaseline(input, ledger, wanted);
  if (wanted === undefined && !ledger.exists && !identity.empty) {
    throw new FaberError({
      code: 'history_conflict',
      message: `${target.describe()} is not empty and has no migration ledger${migrations.tool === 'prisma' ? ' (Prisma calls this P3005)' : ''}; nothing was changed`,
      suggestions: [`Name the last migration that it already holds: faber-db migrate ${settings.environment} --baseline NAME`],
    });
  }

  const failed = status.failed.map((row) => row.name);
  const toRun = project.filter((m) => !baseline.includes(m.name) && (status.pending.includes(m.name) || failed.includes(m.name)));
  const findings = [...statusFindings(status, migrations.tool), ...(await failedEvidence(input, failed))];
  const losses: string[] = [];
  const planned: PlannedMigration[] = [];
  let risk: Risk = findings.some((f) => f.level === 'danger') || baseline.length > 0 ? 'high' : 'low';
  for (const migration of toRun) {
    input.progress(`Reading ${migration.name}`);
    const classification = await classifyIn(migrations, project, migration);
    requireAllowed(migration, classification, settings);
    planned.push(plannedMigration(migration, classification));
    risk = higher(risk, riskOf(classification, settings));
    findings.push(...classification.findings.map((f) => ({ ...f, migration: migration.name })));
    if (classification.undo === 'lossy') losses.push(`Undoing ${migration.name} by its down script loses data written to what it adds, or data that it removed`);
    if (classification.undo === 'restore_only') losses.push(`${migration.name} has no usable down script: only restoring the backup undoes it, which loses all writes since the backup`);
  }
  return {
    ledgerDigest: ledger.digest,
    migrations: planned,
    baseline,
    resolve: failed,
    restore: null,
    risk,
    findings,
    losses,
    dataLoss: [],
    ledgerChanges: [...baseline.map((name) => `${name}: recorded as applied without running`), ...failed.map((name) => `${name}: failed row settled as the decision says`)],
  };
}

/** What destroys is shown in any case. */
function riskOf({ risk }: Classification, { safety }: Settings): Risk {
  return risk === 'destructive' && !safety.validate_destructive_operations ? 'high' : risk;
}

/** The config forbids some kinds of statement: nobody is asked to approve what may not run. */
function requireAllowed(migration: Migration, { findings }: Classification, settings: Settings): void {
  const forbidden = findings.filter(({ kind }) => kind !== undefined && settings.safety.forbidden_statements.includes(kind));
  const [first] = forbidden;
  if (!first) return;
  throw new FaberError({
    code: 'plan_failed',
    message: `${migration.file}${first.line === undefined ? '' : ` line ${first.line}`}: ${first.message}; safety.forbidden_statements forbids ${first.kind}. Nothing was changed`,
    result: { failed_migration: migration.name, forbidden: forbidden.map(({ kind, line, message }) => ({ kind, line, message })) },
    suggestions: [`Take it out of the migration, or ${first.kind} out of safety.forbidden_statements`],
  });
}

const SIDES: Record<DriftDifference['difference'], string> = {
  not_in_migrations: 'in the database, made by no migration',
  not_in_database: 'made by the migrations, missing in the database',
  changed: 'differs from what the migrations make',
};
const differenceInWords = ({ object, difference }: DriftDifference) => `${object}: ${SIDES[difference]}`;

/** An existing database without a ledger: its schema must be what the baselined migrations make. */
async function planBaseline(input: PlanInput, ledger: Ledger, wanted: string): Promise<string[]> {
  const { migrations, target, settings, project } = input;
  const at = project.findIndex((m) => m.name === wanted);
  if (at < 0) {
    throw new FaberError({
      code: 'invalid_request',
      message: `baseline: the project has no migration '${wanted}'`,
      suggestions: [`Migrations: ${project.slice(-10).map((m) => m.name).join(', ')}`],
    });
  }
  if (ledger.rows.length > 0) {
    // Done already: a repeated request must not fail, nor write anything again.
    if (ledger.rows.some((row) => row.name === wanted && row.finished_at !== null && row.rolled_back_at === null)) return [];
    throw new FaberError({
      code: 'history_conflict',
      message: `${target.describe()} has a migration ledger already; a baseline is for databases without one`,
      suggestions: [`Start without baseline: faber-db migrate ${settings.environment} --dry-run`],
    });
  }
  const upTo = project.slice(0, at + 1);
  input.progress('Comparing the schema with that of the baselined migrations');
  const { differences } = await input.drift.find({ target, tool: migrations, settings, migrations: upTo, id: input.operationId, signal: input.signal });
  if (differences.length > 0) {
    throw new FaberError({
      code: 'history_conflict',
      message: `The schema of ${target.describe()} is not what the migrations up to ${wanted} make; nothing was changed`,
      result: { differences: differences.slice(0, 50).map(differenceInWords), differences_total: differences.length },
      suggestions: ['Choose another migration as baseline', 'Or write a migration that makes the difference, and baseline it too'],
    });
  }
  return upTo.map((m) => m.name);
}

/** Which objects of a failed script are there: what a person needs to say whether it was applied or not. */
async function failedEvidence({ migrations, project, target }: PlanInput, failed: string[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const migration of project.filter((m) => failed.includes(m.name))) {
    const objects = await migrations.findObjects(migration, target);
    findings.push(...objects.map((message): Finding => ({ level: 'info', message: `Looked at the database: ${message}`, migration: migration.name })));
  }
  return findings;
}

function statusFindings(status: MigrationStatus, tool: Settings['migration_tool']): Finding[] {
  return [
    ...status.failed.map((f): Finding => ({ level: 'danger', message: `It was left failed${tool === 'prisma' ? ' by another runner (Prisma calls this P3009)' : ''}: ${f.evidence}`, migration: f.name })),
    ...status.edited.map((name): Finding => ({ level: 'danger', message: 'Its file was edited after it was applied', migration: name })),
    ...status.missing.map((name): Finding => ({ level: 'danger', message: 'It is applied, but the project has it no more', migration: name })),
    ...status.out_of_order.map((name): Finding => ({ level: 'warning', message: 'It is pending although a later migration is applied', migration: name })),
  ];
}
