/** The handler of MySQL and MariaDB: the port, each method in a file of its name. */
import { FaberError } from '../../../contract/failure.js';
import type { DatabaseHandler } from '../contract.js';
import { withScratch } from './beside/scratch.js';
import { mysqlBookkeeping } from './bookkeeping.js';
import { createDatabase, creationObstacles } from './create-database.js';
import { schemaFacts, schemaFingerprint } from './fingerprint.js';
import { checkHealth } from './health.js';
import { identify } from './identity.js';
import { rowsFound } from './integrity.js';
import { measure, measureTables, tableCounts } from './measure.js';
import { oneAtATime } from './one-at-a-time.js';
import { proveQuiet } from './quiet.js';
import { openSession, purposeName, readingName, withSession } from './session.js';
import { sessions } from './sessions.js';
import { inTransaction, standalone } from './transaction.js';
import { mysqlTarget, parseMysqlUrl } from './url.js';

export const mysqlDatabaseHandler: DatabaseHandler = {
  provider: 'mysql',
  bookkeeping: mysqlBookkeeping,
  target: parseMysqlUrl,
  identify: (target, options) => identify(mysqlTarget(target), options),
  createDatabase: (target) => createDatabase(mysqlTarget(target)),
  creationObstacles: (target) => creationObstacles(mysqlTarget(target)),
  withScratch: (target, use, work) => withScratch(mysqlTarget(target), use, work),
  oneAtATime: (target, name, options, work) => oneAtATime(mysqlTarget(target), name, options, work),
  checkHealth: (target, thresholds) => checkHealth(mysqlTarget(target), thresholds),
  sessions: (target) => sessions(mysqlTarget(target)),
  connect: (target, purpose) => openSession(mysqlTarget(target), purposeName(purpose)),
  inTransaction: (target, fence, options, work, record) => inTransaction(mysqlTarget(target), fence, options, work, record),
  // Every commit of ours waits for the disk as the server is set up to: there is nothing to make up for.
  makeDurable: async () => {},
  standalone: (target, fence, options, sql) => standalone(mysqlTarget(target), fence, options, sql),
  schemaFingerprint: (target, own) => schemaFingerprint(mysqlTarget(target), own),
  schemaFacts: (target, own) => schemaFacts(mysqlTarget(target), own),
  tableCounts: (target) => tableCounts(mysqlTarget(target)),
  measureTables: (target) => measureTables(mysqlTarget(target)),
  measure: (target, places) => measure(mysqlTarget(target), places),
  rowsFound: (target, query, options) => rowsFound(mysqlTarget(target), query, options),
  // MySQL checks constraints when they are added, or (foreign_key_checks off) does not know that it has not.
  uncheckedObjects: async () => [],

  async holdWrites(_target, _fence, hold) {
    if (!hold) return;
    throw new FaberError({
      code: 'unsupported',
      message: 'safety.hold_writes is not possible on MySQL: only a whole server can be made read-only, with all its databases. Nothing was changed.',
      suggestions: ['Set safety.hold_writes to false, and stop the application during the change where its writes must be held off.'],
    });
  },

  async nothingWrittenSince(target, snapshot, _operationId, session) {
    try {
      if (session) return await proveQuiet(session, snapshot.position);
      return await withSession(mysqlTarget(target), readingName('proof'), (own) => proveQuiet(own, snapshot.position));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { proven: false, reason: `it could not be looked up: ${error instanceof FaberError || error.name === 'ScriptError' ? error.message : error.name}` };
    }
  },
};
