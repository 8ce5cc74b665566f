/** Runs one script that no transaction can hold, such as CREATE INDEX CONCURRENTLY. */
import { ScriptError, type ChangeOptions, type Fence } from '../contract.js';
import type { PostgresTarget } from './connection-url.js';
import { underDeadline } from './deadline.js';
import { checkFence } from './fence.js';
import { watchLocks } from './lock-watch.js';
import { openSession } from './session.js';
import { changingName } from './session-names.js';

/**
 * No lock timeout, which would leave an INVALID index. No watch over the client either: a build whose worker was killed
 * goes on, and the next holder of the fence waits for it.
 */
const SETTINGS = `
  SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings
  WHERE name IN ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout', 'client_connection_check_interval')`;

/** See `DatabaseHandler.standalone`. */
export async function standalone(target: PostgresTarget, fence: Fence, options: ChangeOptions, sql: string): Promise<void> {
  options.signal.throwIfAborted();
  const session = await openSession(target, changingName(fence));
  const watch = watchLocks(session, (what) => options.onWait?.(what));
  try {
    await underDeadline(session, options, async (proceed) => {
      await session.query(SETTINGS);
      await checkFence(session, fence);
      proceed();
      await session.script(sql);
      if (session.transactionStatus !== 'I') throw leftOpen();
    });
  } finally {
    await watch.stop();
    await session.close();
  }
}

function leftOpen(): ScriptError {
  const message = 'the script began a transaction and did not end it, so that part was rolled back';
  return new ScriptError({ sqlState: '25001', message, line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false }, message);
}
