/** Health of a database. */
import { z } from 'zod';

export const HealthStatus = z.enum(['healthy', 'degraded', 'unhealthy']);
export type HealthStatus = z.infer<typeof HealthStatus>;

export const HealthCheck = z.object({
  name: z.enum(['connectivity', 'latency', 'migrations', 'long_transactions', 'connections', 'disk']),
  status: z.enum(['healthy', 'degraded', 'unhealthy', 'unknown']),
  detail: z.string(),
  value: z.number().nullable().optional(),
  recommendation: z.string().optional(),
});
export type HealthCheck = z.infer<typeof HealthCheck>;

export const HealthReport = z.object({ status: HealthStatus, checks: z.array(HealthCheck) });
export type HealthReport = z.infer<typeof HealthReport>;
