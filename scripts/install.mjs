// Installs dependencies when what is in node_modules is not what package-lock.json says. Plain Node: nothing is installed yet.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param {string} root folder of package.json. Everything said goes to stderr, so that a script's stdout stays its own. */
export function installIfNeeded(root) {
  if (isInstalled(root)) return;
  console.error('Installing dependencies (npm ci)');
  // NODE_ENV=production would leave out the compiler. `npm run -s` hands its silence down, which would hide the reason of a failure.
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const { status, error } = spawnSync(npm[0], [...npm.slice(1), 'ci', '--include=dev', '--ignore-scripts', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0 || !isInstalled(root)) {
    throw new Error(`npm ci did not work (${error?.message ?? `exit ${status}`}). Its reason stands above; run npm ci in ${root} to see it again.`);
  }
}

/**
 * npm writes node_modules/.package-lock.json as the last thing of an install, so an interrupted one has none, and it tells
 * what an install without dev dependencies, or of an older lockfile, lacks.
 */
function isInstalled(root) {
  const wanted = packages(join(root, 'package-lock.json'));
  const there = packages(join(root, 'node_modules', '.package-lock.json'));
  if (!wanted || !there) return false;
  return Object.entries(wanted).every(
    ([path, { version, optional, peer }]) => path === '' || optional || peer || there[path]?.version === version,
  );
}

function packages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return null;
  }
}
