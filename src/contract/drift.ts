/** Drift: how the schema of a database differs from what its applied migrations make. */
import { z } from 'zod';

export const DriftDifference = z.object({
  object: z.string().describe('Kind and name: `column public.orders.note`, `index public.orders_open`'),
  difference: z
    .enum(['not_in_migrations', 'not_in_database', 'changed'])
    .describe('not_in_migrations: in the database, made by no migration; not_in_database: made by the migrations, gone from the database; changed: in both, not alike'),
  sql: z.string().nullable().describe('SQL that makes this difference: from what the migrations make to what is there. Null where no exact statement is known; then compare the two definitions'),
  in_migrations: z.string().nullable().describe('SQL of the object as the migrations make it'),
  in_database: z.string().nullable().describe('SQL of the object as it is in the database'),
});
export type DriftDifference = z.infer<typeof DriftDifference>;

export const Drift = z.object({
  status: z.enum(['none', 'drifted', 'unknown']).describe('unknown: it could not be checked, `reason` says why'),
  differences: z.array(DriftDifference).describe('The first ones; literals inside of function bodies are masked'),
  total: z.number().int().describe('How many differences there are'),
  migrations: z.number().int().describe('With how many applied migrations the database was compared'),
  reason: z.string().nullable().describe('Why it could not be checked'),
  suggestions: z.array(z.string()).describe('What to do about it'),
  notes: z.array(z.string()).describe('What was left out of the comparison'),
});
export type Drift = z.infer<typeof Drift>;
