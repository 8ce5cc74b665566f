import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: '.',
    include: ['test/faults/*.faults.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    hookTimeout: 120_000,
    // Each case waits for a heartbeat that does not come; more at once than this wait for the processors.
    maxConcurrency: 10,
    maxWorkers: 1,
    disableConsoleIntercept: true,
  },
});
