/** Holds everything that a migration does in one transaction: Sequelize's own command gives it none. */
import type { Sequelize, Transaction } from 'sequelize';

type Begin = (...given: unknown[]) => unknown;

/** What Sequelize asks of a namespace of continuation-local storage. One migration runs at a time, so there is one answer. */
interface Namespace { bind<T>(work: T): T; run<T>(work: (context: object) => T): T; get(key: string): unknown; set(key: string, value: unknown): void }

/**
 * Queries that name no transaction run in this one; transactions that the migration begins become savepoints in it, which Sequelize does
 * for those that name a parent.
 */
export async function holding(instance: Sequelize, tool: typeof Sequelize, transaction: Transaction, work: () => Promise<void>): Promise<void> {
  const owner = instance as unknown as { transaction: Begin };
  const begin = owner.transaction;
  tool.useCLS({ bind: (bound) => bound, run: (bound) => bound({}), get: (key) => (key === 'transaction' ? transaction : undefined), set: () => {} } satisfies Namespace);
  owner.transaction = function nested(...given: unknown[]) {
    const callback = given.find((one) => typeof one === 'function');
    const options = given.find((one) => one instanceof Object && typeof one !== 'function') as object | undefined;
    return begin.apply(instance, [{ transaction, ...options }, ...(callback ? [callback] : [])]);
  };
  try {
    await work();
  } finally {
    owner.transaction = begin;
    (tool as unknown as { _cls?: Namespace })._cls = undefined;
  }
}
