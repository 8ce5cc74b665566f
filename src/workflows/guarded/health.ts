/** Health before a change is a condition, after it a reason to undo. */
import type { FailureFacts, PlanSummary } from '../../contract/index.js';
import type { Change } from './change-parts.js';
import { StopHere } from './steps.js';

/** A restore is what an unhealthy database needs, so there its health is a finding of the plan, not a stop. */
export async function requireHealth(change: Change): Promise<void> {
  const { input, steps, progress } = change;
  const report = await steps.reading.checkHealth({ settings: input.settings, artifact: input.plan.artifact });
  progress.note(`Health: ${report.status}`);
  if (report.status !== 'unhealthy' || input.plan.restore !== null) return;
  throw new StopHere({ code: 'health_check_failed', message: 'Database health check failed; nothing was changed', ...unhealthyFacts(report.checks) });
}

/** What an unhealthy database is answered with. */
export function unhealthyFacts(checks: { name: string; status: string; detail: string; recommendation?: string }[]): Pick<FailureFacts, 'result' | 'suggestions'> {
  const bad = checks.filter((c) => c.status === 'unhealthy');
  const connectivity = bad.some((c) => c.name === 'connectivity') ? 'failed' : 'ok';
  return {
    result: { connectivity, error_details: bad.map((c) => c.detail).join('; ') },
    suggestions: bad.flatMap((c) => (c.recommendation ? [c.recommendation] : [])),
  };
}

/** @returns null when the database is not unhealthy, else what to answer */
export async function unhealthyAfter(change: Change): Promise<Pick<FailureFacts, 'result' | 'suggestions'> | null> {
  const { input, steps, progress } = change;
  progress.enter('checking_health', 'Checking health after the change');
  const report = await steps.reading.checkHealth({ settings: input.settings, artifact: input.plan.artifact, after_change: true });
  progress.note(`Health: ${report.status}`);
  return report.status === 'unhealthy' ? unhealthyFacts(report.checks) : null;
}

/**
 * Watches the database after the change for as long as the approved plan says, the lock kept. Writes are let on first: what the
 * application does is what is watched.
 * @returns null when it stayed well, else what to answer
 */
export async function unhealthyInWatch(change: Change): Promise<Pick<FailureFacts, 'result' | 'suggestions'> | null> {
  const { input, ref, steps, progress } = change;
  const seconds = watchSeconds(input.plan);
  if (seconds === 0) return null;
  change.watched = true;
  progress.enter('watching', `Watching health for ${seconds} s`);
  const until_ms = Date.now() + seconds * 1000;
  if (input.settings.safety.hold_writes) await steps.changing.holdWrites({ ...ref, hold: false });
  const interval_ms = (input.settings.phases?.watch_interval_seconds ?? 10) * 1000;
  const report = await steps.changing.watchHealth({ settings: input.settings, artifact: input.plan.artifact, until_ms, interval_ms });
  progress.note(report === null ? `It stayed well for ${seconds} s` : 'It turned unhealthy');
  return report === null ? null : unhealthyFacts(report.checks);
}

/** 0: not watched. */
export function watchSeconds(plan: PlanSummary): number {
  const seconds = plan.parameters['watch_seconds'];
  return typeof seconds === 'number' ? seconds : 0;
}
