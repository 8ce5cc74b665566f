// Builds dist: tsc, the workflow bundle that workers load, and the published JSON Schema of the config.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const STAMP = '.sources.sha256';

/** Builds when the sources differ from those that dist was built from. */
export async function buildIfStale(root) {
  if (stampOf(join(root, 'dist')) !== sourcesDigest(root)) await build(root);
}

/**
 * Builds beside and swaps at the end: an interrupted build leaves the old dist, and no file of a deleted source survives.
 * @param {string} root folder of package.json. Everything said goes to stderr.
 */
export async function build(root) {
  console.error('Building dist');
  const partial = join(root, `dist.partial-${process.pid}`);
  const old = join(root, `dist.old-${process.pid}`);
  const digest = sourcesDigest(root);
  try {
    compile(root, partial);
    await bundleWorkflows(partial);
    await publishConfigSchema(partial);
    writeFileSync(join(partial, STAMP), digest);
    swap(partial, join(root, 'dist'), old);
  } finally {
    for (const folder of [partial, old]) rmSync(folder, { recursive: true, force: true });
  }
}

/** Two builds at once take turns: the later one replaces what the earlier one put there. */
function swap(partial, dist, old) {
  for (let attempt = 1; ; attempt++) {
    try {
      if (existsSync(dist)) renameSync(dist, old);
      renameSync(partial, dist);
      return;
    } catch (error) {
      // ENOENT: the other one moved it away between our look and our move. ENOTEMPTY: it has just put its own there.
      if (attempt === 5 || !['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
      rmSync(old, { recursive: true, force: true });
    }
  }
}

function compile(root, outDir) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', outDir], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error('The TypeScript sources do not compile; tsc says why above.');
}

/** Bundling costs a worker up to a second at each start, so it is done here once. */
async function bundleWorkflows(dist) {
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const converter = join(dist, 'src', 'temporal', 'payload-converter.js');
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(dist, 'src', 'workflows', 'index.js'),
    payloadConverterPath: converter,
    logger: new DefaultLogger('ERROR'),
  });
  writeFileSync(join(dist, 'workflow-bundle.js'), code);
}

async function publishConfigSchema(dist) {
  const { configJsonSchema } = await import(pathToFileURL(join(dist, 'src', 'contract', 'config.js')).href);
  writeFileSync(join(dist, 'config.schema.json'), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
}

function stampOf(dist) {
  try {
    return readFileSync(join(dist, STAMP), 'utf8');
  } catch {
    return null;
  }
}

/** By content, not by time: a git checkout sets every time to now. */
function sourcesDigest(root) {
  const hash = createHash('sha256');
  const files = ['worker.ts', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json', ...sourceFiles(root, 'src')];
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(root, file))).update('\0');
  return hash.update(readFileSync(fileURLToPath(import.meta.url))).digest('hex');
}

function sourceFiles(root, folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}
