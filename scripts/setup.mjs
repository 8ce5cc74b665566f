// Makes a checkout ready to run: dependencies as the lockfile says, dist as the sources say. Does nothing when both are so.
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { installIfNeeded } from './install.mjs';
import { build, buildIfStale } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @param {{ forceBuild?: boolean }} [options] */
export async function setUp({ forceBuild = false } = {}) {
  installIfNeeded(root);
  await (forceBuild ? build(root) : buildIfStale(root));
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    if (process.argv.includes('--install-only')) installIfNeeded(root);
    else await setUp({ forceBuild: process.argv.includes('--build') });
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
