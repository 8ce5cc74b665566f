import { expect, test } from 'vitest';
import { pauseMs } from '../../src/workflows/guarded/infrastructure.js';

test('a plugin is asked again when it wishes, and never so often that the history of the workflow is full', () => {
  const DAY = 86_400_000;
  expect(pauseMs(5_000, undefined, 3_600_000)).toBe(5_000);
  expect(pauseMs(5_000, 30, 3_600_000)).toBe(30_000);
  expect(pauseMs(5_000, 0.01, 600_000)).toBe(1_000);
  for (const limit of [3_600_000, DAY, 7 * DAY]) expect((limit / pauseMs(5_000, 1, limit)) * 11).toBeLessThan(51_200 / 2);
});
