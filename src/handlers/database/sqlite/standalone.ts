/** Runs one script that no transaction can hold: VACUUM, a change of the journal mode. */
import type { ChangeOptions, Fence } from '../contract.js';
import type { SqliteTarget } from './connection-url.js';
import { locateThere } from './locate.js';
import { openIn } from './open.js';
import { untilFree, underFence } from './transaction.js';

/** See `DatabaseHandler.standalone`. A database that is busy has not begun it: that may be tried again. */
export async function standalone(target: SqliteTarget, fence: Fence, options: ChangeOptions, sql: string): Promise<void> {
  const { file } = await locateThere(target);
  await untilFree(options, (process) => underFence(process, file, fence, null, async ({ sidecar }) => {
    const database = await openIn(process, file, 'write');
    try {
      await database.script(sql);
    } finally {
      await database.close();
    }
    await sidecar.query('COMMIT');
  }));
}
