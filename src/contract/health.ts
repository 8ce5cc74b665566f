/** Health of a database. */
import { z } from 'zod';
import { Drift } from './drift.js';

export const HealthStatus = z.enum(['healthy', 'degraded', 'unhealthy']);
export type HealthStatus = z.infer<typeof HealthStatus>;

export const HealthCheck = z.object({
  name: z.enum(['connectivity', 'latency', 'migrations', 'schema', 'long_transactions', 'connections', 'disk', 'writable', 'wal', 'integrity']),
  category: z.enum(['connectivity', 'migrations', 'schema', 'performance']).describe('What the check is about'),
  status: z.enum(['healthy', 'degraded', 'unhealthy', 'unknown']).describe('unknown: it could not be checked, and does not count'),
  detail: z.string(),
  value: z.number().nullable().optional().describe('What was measured: milliseconds, percent or a number of things'),
  recommendation: z.string().optional().describe('What a person can type or do; there with every finding'),
});
export type HealthCheck = z.infer<typeof HealthCheck>;

export const HealthReport = z.object({
  status: HealthStatus.describe('The worst of the checks'),
  checks: z.array(HealthCheck),
  drift: Drift.optional().describe('Of the operation health-check: how the schema differs from what the migrations make'),
});
export type HealthReport = z.infer<typeof HealthReport>;
