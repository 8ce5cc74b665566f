/** Health before a change is a condition, after it a reason to undo. */
import type { FailureFacts } from '../../contract/index.js';
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
  const report = await steps.reading.checkHealth({ settings: input.settings, artifact: input.plan.artifact });
  progress.note(`Health: ${report.status}`);
  return report.status === 'unhealthy' ? unhealthyFacts(report.checks) : null;
}
