/** Checks of health that are made alike on every database system. */
import type { HealthCheck } from '../../contract/health.js';
import type { Settings } from '../../contract/settings.js';

/** Odd, so that the median is one of them: a single slow answer says nothing. */
const PINGS = 5;

/** The median of a few answers. @param recommendation where it is slow */
export async function latencyCheck(ping: () => Promise<unknown>, { latency_warning_ms: warning, latency_critical_ms: critical }: Settings['health'], recommendation: string): Promise<HealthCheck> {
  const times: number[] = [];
  for (let at = 0; at < PINGS; at += 1) {
    const begun = performance.now();
    await ping();
    times.push(performance.now() - begun);
  }
  const median = times.sort((a, b) => a - b)[Math.floor(PINGS / 2)]!;
  const status = median >= critical ? 'unhealthy' : median >= warning ? 'degraded' : 'healthy';
  return {
    name: 'latency', category: 'performance', status, value: Math.round(median * 10) / 10,
    detail: `${median.toFixed(1)} ms, median of ${PINGS} (warning from ${warning} ms, critical from ${critical} ms)`,
    ...(status !== 'healthy' && { recommendation }),
  };
}

/** A check that could not be made: `unknown`, and the others go on. */
export function uncheckable(name: HealthCheck['name'], error: unknown): HealthCheck {
  return { name, category: 'performance', status: 'unknown', detail: `could not be checked: ${error instanceof Error ? error.message : String(error)}`, value: null };
}
