import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Real servers on a machine that may be slow: a limit only for what hangs.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // Servers and child processes do the work; more test processes than this only make them wait for each other.
    maxWorkers: 3,
    // Of tests that say so (kills): most of their time is waiting for a heartbeat that does not come.
    maxConcurrency: 12,
  },
});
