/** The channel to the worker, from inside. */
import type { Begin, FromProgram, Moment, ToProgram } from '../messages.js';
import type { Tap } from './tap.js';
import { driverFailure } from './thrown.js';

/** Node's own, taken before any code of the project runs. */
const send = process.send!.bind(process);

export function say(message: FromProgram): void {
  if (process.connected) send(message);
}

/** Says the last word and ends when it was sent: handles that the project has left open do not hold it. */
export function sayAndEnd(message: FromProgram): void {
  if (!process.connected) process.exit(1);
  send(message, () => process.exit(0));
}

/** The worker does not want the group to go on; it says by itself why. */
export class Abandoned extends Error {
  override readonly name = 'Abandoned';
}

let listener: (message: ToProgram) => void = () => {};

export function onBegin(begin: (message: Begin) => void): void {
  process.on('message', (message: ToProgram) => (message.kind === 'begin' ? begin(message) : listener(message)));
  // The worker is gone: nobody waits for an answer. What blocks the event loop is ended by the watcher of the group.
  process.on('disconnect', () => process.exit(1));
}

/**
 * Tells the moment, and answers queries in this connection until the worker says go.
 * @throws Abandoned
 */
export function at(moment: Moment, group: number, tap: Tap, connection: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    listener = (message) => {
      if (message.kind === 'proceed') resolve();
      else if (message.kind === 'abandon') reject(new Abandoned('abandoned'));
      else if (message.kind === 'query') void answer(message.id, () => tap.query(connection, message.sql, message.parameters));
    };
    say({ kind: 'at', moment, group, connection: tap.numberOf(connection) });
  });
}

async function answer(id: number, query: () => Promise<Record<string, unknown>[]>): Promise<void> {
  try {
    say({ kind: 'rows', id, rows: await query() });
  } catch (error) {
    say({ kind: 'refused', id, failure: driverFailure(error) });
  }
}
