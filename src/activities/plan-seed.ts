/** What seeding would run: the command, and what is in the files that it names. */
import { FaberError } from '../contract/failure.js';
import type { Finding, PlannedSeed } from '../contract/plan.js';
import type { PlanInput, PlanParts } from './make-plan.js';

export async function planSeed(input: PlanInput): Promise<PlanParts> {
  const { migrations, target, settings, project } = input;
  const ledger = await migrations.readLedger(target, settings);
  const { pending } = migrations.compare(project, ledger);
  const { seed, findings } = await findSeed(input);
  if (pending.length > 0) findings.push({ level: 'warning', message: `${pending.length} migration(s) are pending: the seed may be written for a schema that is not there yet` });
  if (settings.safety.hold_writes) findings.push({ level: 'warning', message: 'safety.hold_writes holds off everybody but us, and the seed is a program of its own: writes are not held off while it runs' });
  return {
    ledgerDigest: ledger.digest, migrations: [], baseline: [], resolve: [], restore: null, seed, risk: 'high', findings,
    losses: ['What a seed writes over or deletes is not told by its command: only a restore brings it back'],
    dataLoss: [], ledgerChanges: [],
  };
}

/** @throws FaberError plan_failed where there is none, or where it sees a variable that is not set */
export async function findSeed({ migrations, seeds, settings }: PlanInput): Promise<{ seed: PlannedSeed; findings: Finding[] }> {
  const found = settings.seed.command === null ? await migrations.seedCommand(settings) : { command: settings.seed.command, source: 'seed.command of the faber-db config' };
  if (found === null) {
    throw new FaberError({
      code: 'plan_failed',
      message: 'The project has no seed; nothing was changed',
      suggestions: [settings.migration_tool === 'prisma' ? 'Write the command into migrations.seed of prisma.config.ts (before Prisma 7: prisma.seed of package.json), or into seed.command of the faber-db config' : 'Write the command into seed.command of the faber-db config'],
    });
  }
  const files = await seeds.files(found.command, settings);
  const { url_variable, variables, timeout_seconds } = settings.seed;
  const imports = files.length === 0 ? 'It names no file of the project: what it runs is not part of the plan' : 'What these files import is not part of the plan';
  return {
    seed: { command: found.command, files, url_variable, variables, timeout_seconds },
    findings: [
      { level: 'info', message: `Runs \`${found.command}\` (${found.source}), ${timeout_seconds} s at most` },
      ...files.map(({ path, sha256 }): Finding => ({ level: 'info', message: `${path}: sha256 ${sha256.slice(0, 12)}…` })),
      { level: files.length === 0 ? 'warning' : 'info', message: imports },
    ],
  };
}

/** Right before it runs: editing a file during the wait must change nothing, and here nothing can be run from a copy. @throws FaberError plan_failed */
export async function requireSameFiles({ seeds, settings }: Pick<PlanInput, 'seeds' | 'settings'>, seed: PlannedSeed): Promise<void> {
  const now = new Map((await seeds.files(seed.command, settings)).map(({ path, sha256 }) => [path, sha256]));
  const changed = seed.files.filter(({ path, sha256 }) => now.get(path) !== sha256);
  if (changed.length === 0 && now.size === seed.files.length) return;
  throw new FaberError({
    code: 'plan_failed',
    message: `${changed[0]?.path ?? 'A file of the seed'} is not as it was approved; the seed was not run`,
    suggestions: ['Start the operation again: it makes a new plan'],
  });
}
