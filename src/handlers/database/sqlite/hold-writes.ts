/** SQLite lets nobody hold off the writes of others across the steps of an operation. */
import { FaberError } from '../../../contract/failure.js';

/**
 * A lock belongs to a connection, and ours come and go: the migration itself needs the lock that would keep others out, and a
 * worker that dies would leave none. @throws FaberError unsupported when asked to hold
 */
export async function holdWrites(hold: boolean): Promise<void> {
  if (!hold) return;
  throw new FaberError({
    code: 'unsupported',
    message: 'SQLite has no way to hold off the writes of other processes while an operation runs. Nothing was changed.',
    suggestions: ['Stop the application for the operation and leave safety.hold_writes out: what nobody writes to can be restored by itself'],
  });
}
