#!/usr/bin/env node
// In a checkout the sources may be newer than dist, or dist missing. The published package holds dist and no scripts.
import { existsSync } from 'node:fs';

const setup = new URL('../scripts/setup.mjs', import.meta.url);
if (existsSync(setup)) {
  const { setUp } = await import(setup.href);
  await setUp().catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}
const { mainOfProcess } = await import('../dist/src/client/cli/main.js');
await mainOfProcess();
