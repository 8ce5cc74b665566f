import { defineConfig } from 'vitest/config';

/** The benchmarks run on the same real servers as the tests, one after the other: two at once would measure each other. */
export default defineConfig({
  test: {
    include: ['bench/**/*.bench.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 600_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    disableConsoleIntercept: true,
    reporters: [['default', { summary: false }]],
  },
});
