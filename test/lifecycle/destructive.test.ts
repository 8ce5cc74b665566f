import { expect, it } from 'vitest';
import type { ErrorResponse, PreviewResult, SuccessResponse } from '../../src/contract/index.js';
import { createStack } from '../support/stack.js';

it('a plan that destroys data is told from the rest where protected, and counts as high where the config says so; what is forbidden is no plan', async () => {
  const stack = await createStack({ safety: { validate_destructive_operations: false, forbidden_statements: ['truncate'] } });
  const preview = async (environment: string) => (await stack.start('migrate-preview', { environment })).answer();
  await stack.migration('20260101000000_init', 'CREATE TABLE users (id int, old text);');
  await stack.migration('20260102000000_drop', 'ALTER TABLE users DROP COLUMN old;');
  for (const [environment, risk] of [['production', 'destructive'], ['dev', 'high']] as const) {
    const { evidence } = ((await preview(environment)) as SuccessResponse & { result: PreviewResult }).result.plan;
    expect(evidence.risk).toBe(risk);
    expect(evidence.findings.filter((f) => f.level === 'danger')).toMatchObject([{ kind: 'drop_column', migration: '20260102000000_drop' }]);
  }
  await stack.migration('20260103000000_empty', 'SELECT 1;\nTRUNCATE users;');
  for (const environment of ['production', 'dev']) {
    const answer = (await preview(environment)) as ErrorResponse;
    expect(answer).toMatchObject({ status: 'error', code: 'plan_failed', result: { failed_migration: '20260103000000_empty', forbidden: [{ kind: 'truncate', line: 2 }] } });
  }
});
