// Installs dependencies when what is in node_modules is not what package-lock.json says. Plain Node: nothing is installed yet.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param {string} root folder of package.json. Everything said goes to stderr, so that a script's stdout stays its own. */
export function installIfNeeded(root) {
  if (isInstalled(root)) return;
  const release = takeTurn(root);
  try {
    // Another one may have installed while we waited.
    if (!isInstalled(root)) install(root);
  } finally {
    release();
  }
}

/**
 * Two `npm ci` at once delete each other's files. The lock names its process: one that was killed holds nobody up.
 * @returns what gives the turn to the next
 */
function takeTurn(root) {
  const lock = join(root, '.cache', 'install.lock');
  mkdirSync(join(root, '.cache'), { recursive: true });
  for (let told = false; ; ) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!isHeld(lock)) rmSync(lock, { force: true });
    else if (!told) {
      console.error('Waiting for another process that installs dependencies');
      told = true;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

function isHeld(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    // Created and not yet written is held too.
    if (pid > 0) process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function install(root) {
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
