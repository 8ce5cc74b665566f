import { defineConfig } from 'vitest/config';

/** `npm run test:principal`: apart from the tests, since building the server takes minutes. */
export default defineConfig({
  test: { include: ['test/principal/verified-by-principal.ts'], globalSetup: ['test/support/global-setup.ts'], testTimeout: 120_000, hookTimeout: 60 * 60_000 },
});
