/** `pg`, as the tools use it. Every statement of every connection goes through `Client.prototype.query`. */
import { Unusable } from './contract.js';
import type { Tap, TapOptions } from './tap.js';
import { driverFailure } from './thrown.js';

type Callback = (error: unknown, ...rest: unknown[]) => void;
type Query = (this: object, ...args: unknown[]) => unknown;
interface ClientPrototype { query: Query; connect: Query }
interface Statement { text?: unknown; callback?: unknown; submit?: unknown; on?: (event: string, listener: (error?: unknown) => void) => void }

/** Stands for a statement that is left out. */
const NOTHING = 'SELECT WHERE false';
/** Fails, and the transaction with it: whatever the migration makes of the error, the tool can write no ledger any more. */
const FAILS = 'ROLLBACK TO SAVEPOINT faber_db_holds_this_transaction';

export function tapPostgres(require: NodeJS.Require, options: TapOptions): Tap {
  const prototype = clientPrototype(require);
  const { query, connect } = prototype;
  const numbers = new WeakMap<object, number>();
  let connections = 0;
  let connected = false;
  const numberOf = (client: object) => {
    if (!numbers.has(client)) numbers.set(client, ++connections);
    return numbers.get(client)!;
  };

  prototype.connect = function named(this: object, ...args) {
    // Whatever the config says: by this name they are found and ended.
    (this as { connectionParameters: { application_name: string } }).connectionParameters.application_name = options.sessionName;
    const first = !connected;
    connected = true;
    if (!first) return connect.apply(this, args);
    const [callback] = args as [Callback | undefined];
    if (typeof callback !== 'function') return (connect.apply(this, args) as Promise<unknown>).then(() => options.onFirstConnection(this));
    return connect.call(this, (error: unknown, ...rest: unknown[]) => {
      if (error) return callback(error, ...rest);
      options.onFirstConnection(this).then(() => callback(null, ...rest), callback);
    });
  };

  prototype.query = function told(this: object, ...args) {
    const [given] = args as [Statement | string];
    const sql = typeof given === 'string' ? given : typeof given?.text === 'string' ? given.text : '';
    if (!options.isInside() || sql === '') return withEnd(this, args, () => {});
    const what = options.outside?.(sql) ?? null;
    if (what !== null) {
      options.onLeftOut(what);
      return query.apply(this, [NOTHING, ...args.filter((arg) => typeof arg === 'function')]);
    }
    if (options.endsTransaction(numberOf(this), sql)) return query.apply(this, [FAILS, ...args.filter((arg) => typeof arg === 'function')]);
    const at = options.onStatement({ connection: numberOf(this), sql });
    return withEnd(this, args, (failed) => options.onEnd(at, failed));
  };

  /** The driver tells the end to a callback, by events of a query object, or by a promise. */
  function withEnd(client: object, args: unknown[], onEnd: (failed: boolean) => void): unknown {
    const end: Callback = (error) => {
      if (error) driverFailure(error);
      onEnd(Boolean(error));
    };
    const [given] = args as [Statement];
    const at = args.findIndex((arg) => typeof arg === 'function');
    if (at >= 0) return query.apply(client, args.with(at, wrapped(args[at] as Callback, end)));
    if (typeof given?.submit !== 'function' && typeof given?.callback === 'function') {
      return query.apply(client, [{ ...given, callback: wrapped(given.callback as Callback, end) }, ...args.slice(1)]);
    }
    if (typeof given?.submit === 'function') {
      given.on?.('end', () => end(null));
      given.on?.('error', end);
      return query.apply(client, args);
    }
    const result = query.apply(client, args) as Promise<unknown>;
    void result.then(() => end(null), end);
    return result;
  }

  return {
    numberOf: (connection) => numberOf(connection as object),
    async query(connection, sql, parameters) {
      const result = (await query.call(connection as object, { text: sql, values: [...parameters] })) as { rows: Record<string, unknown>[] } | { rows: Record<string, unknown>[] }[];
      return (Array.isArray(result) ? result.at(-1)! : result).rows;
    },
  };
}

function wrapped(callback: Callback, end: Callback): Callback {
  return function ended(this: unknown, error, ...rest) {
    end(error);
    return callback.call(this, error, ...rest);
  };
}

function clientPrototype(require: NodeJS.Require): ClientPrototype {
  try {
    return (require('pg') as { Client: { prototype: ClientPrototype } }).Client.prototype;
  } catch {
    throw new Unusable('The project has no package pg, which its migrations need for PostgreSQL.', ['Install it in the project: npm install pg']);
  }
}
