/** A whole script in one message, so that the server itself tells statements apart. */
import type pg from 'pg';
import { messagesOf } from './connect.js';
import { serverFailure } from './server-failure.js';

/** @throws ScriptError with line, index and masked statement. */
export async function runScript(client: pg.Client, sql: string): Promise<void> {
  let completed = 0;
  const count = () => {
    completed += 1;
  };
  const messages = messagesOf(client);
  messages.on('commandComplete', count);
  try {
    await client.query(sql);
  } catch (error) {
    throw await serverFailure(error, { sql, statementIndex: completed });
  } finally {
    messages.off('commandComplete', count);
  }
}
