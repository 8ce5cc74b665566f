/**
 * `npm run demo`: two releases of `examples/shop` go to production, on a real database and a real Temporal. The first is
 * approved and applied; the second fails on its second migration, and the demo proves that it was undone.
 */
import { fileURLToPath } from 'node:url';
import { FaberClient } from '../../client/index.js';
import { DEFAULT_TASK_QUEUE } from '../../contract/names.js';
import { localTemporal } from '../local-temporal.js';
import { differences } from './database/evidence.js';
import { migrateProduction } from './follow.js';
import { demoOptions, USAGE, type DemoOptions } from './options.js';
import { setScene, strike, type Scene } from './scene.js';
import { screen, type Screen } from './screen.js';

/** By its path: elsewhere than in the checkout `npx faber-db` would ask a registry. */
const PROGRAM = fileURLToPath(new URL('../../../../bin/faber-db.js', import.meta.url));

/** Both releases. @returns whether everything went as it must. */
async function play(scene: Scene, output: Screen, options: DemoOptions): Promise<boolean> {
  const client = await FaberClient.connect({ taskQueue: DEFAULT_TASK_QUEUE, env: localTemporal(scene.temporal.address, scene.temporal.namespace) });
  try {
    output.heading('Release 1 of the shop, to production');
    const first = await migrateProduction(client, scene, output, options.yes);
    if (first.status !== 'success') return false;

    const before = await scene.database.gather();
    await scene.checkOutRelease2();
    output.heading('Release 2: one migration that commits, one that production refuses');
    const second = await migrateProduction(client, scene, output, options.yes);
    if (second.status !== 'error') return false;

    output.heading('Was it undone?');
    const after = await scene.database.gather();
    const found = differences(before, after);
    const rows = Object.values(after.tables).reduce((sum, table) => sum + table.rows, 0);
    const { rollback } = second.result as { rollback?: { status: string; by?: string } };
    for (const line of found) output.say(`  NO: ${line}`);
    if (found.length > 0 || rollback?.status !== 'undone') return false;
    output.say(`  Schema    as before (${scene.database.schemaIsComparedBy}, sha256 ${after.schema.slice(0, 12)})`);
    output.say(`  Rows      as before (${rows} in ${Object.keys(after.tables).length} tables, checksums compared)`);
    output.say(`  Ledger    as before (${after.ledger.applied.length} applied, none failed): the next deploy is not blocked`);
    output.say(`  Undone by ${rollback.by === 'down' ? 'the down script of the migration that had committed (rung 2 of the ladder)' : `${rollback.by}`}`);
    return true;
  } finally {
    await client.close();
  }
}

async function demo(options: DemoOptions): Promise<number> {
  const output = screen(options.json);
  const cleanUps: (() => Promise<void>)[] = [];
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => resolve('interrupted'));
  });
  let keep = false;
  try {
    const run = async () => {
      output.heading('Setting the scene');
      const scene = await setScene(options.database, (line) => output.say(`  ${line}`), cleanUps);
      const proven = await play(scene, output, options);
      return { scene, proven };
    };
    const running = run();
    const outcome = await Promise.race([running, interrupted]);
    if (outcome === 'interrupted') {
      output.say('Interrupted; cleaning up.');
      running.catch(() => {});
      return 130;
    }
    keep = options.keep;
    if (keep) {
      output.heading('Everything keeps running');
      const { temporal, project, workerLog, database } = outcome.scene;
      output.say(`  Web UI        ${temporal.webUi}`);
      output.say(`  Operations    TEMPORAL_ADDRESS=${temporal.address} node ${PROGRAM} list`);
      output.say(`  Database      ${database.url} (throwaway)`);
      output.say(`  Project       ${project}`);
      output.say(`  Worker's log  ${workerLog}`);
      output.say('  To end it:');
      for (const command of outcome.scene.leave()) output.say(`    ${command}`);
    }
    return outcome.proven ? 0 : 1;
  } finally {
    if (!keep) await strike(cleanUps);
  }
}

try {
  if (process.argv.includes('--help')) console.error(USAGE);
  else process.exitCode = await demo(demoOptions(process.argv.slice(2), process.stdin.isTTY === true));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
// A prompt still open on the terminal would keep the process alive.
process.exit();
