/** The handler of SQLite: the port, each method in a file of its name. */
import { FaberError } from '../../../contract/failure.js';
import type { DatabaseHandler } from '../contract.js';
import { parseSqliteUrl, sqliteTarget } from './connection-url.js';
import { createDatabase, creationObstacles } from './create-database.js';
import { checkHealth } from './health.js';
import { holdWrites } from './hold-writes.js';
import { identify } from './identity.js';
import { rowsFound, uncheckedObjects } from './integrity.js';
import { measure, measureTables, tableCounts } from './measure.js';
import { oneAtATime } from './one-at-a-time.js';
import { openTarget } from './open.js';
import { proveQuiet } from './quiet.js';
import { schemaFacts, schemaFingerprint } from './schema-facts.js';
import { withScratch } from './scratch.js';
import { sessions } from './sessions.js';
import { sqliteBookkeeping } from './sidecar/bookkeeping.js';
import { standalone } from './standalone.js';
import { inTransaction } from './transaction.js';

export const sqliteDatabaseHandler: DatabaseHandler = {
  provider: 'sqlite',
  urlsArePaths: true,
  bookkeeping: sqliteBookkeeping,
  target: parseSqliteUrl,
  identify: (target, options) => identify(sqliteTarget(target), options),
  createDatabase: (target) => createDatabase(sqliteTarget(target)),
  creationObstacles: (target) => creationObstacles(sqliteTarget(target)),
  withScratch,
  checkHealth: (target, thresholds) => checkHealth(sqliteTarget(target), thresholds),
  sessions: (target) => sessions(sqliteTarget(target)),
  connect: (target) => openTarget(sqliteTarget(target), 'write'),
  inTransaction: (target, fence, options, work, record) => inTransaction(sqliteTarget(target), fence, options, work, record),
  // Each commit waits for the disk.
  makeDurable: async () => {},
  standalone: (target, fence, options, sql) => standalone(sqliteTarget(target), fence, options, sql),
  schemaFingerprint: (target) => schemaFingerprint(sqliteTarget(target)),
  schemaFacts: (target) => schemaFacts(sqliteTarget(target)),
  tableCounts: (target) => tableCounts(sqliteTarget(target)),
  measureTables: (target) => measureTables(sqliteTarget(target)),
  measure: (target, places) => measure(sqliteTarget(target), places),
  rowsFound: (target, query, options) => rowsFound(sqliteTarget(target), query, options),
  uncheckedObjects: (target) => uncheckedObjects(sqliteTarget(target)),
  holdWrites: (_target, _fence, hold) => holdWrites(hold),
  oneAtATime: (_target, name, options, work) => oneAtATime(name, options, work),

  async nothingWrittenSince(target, snapshot, operationId) {
    try {
      return await proveQuiet(sqliteTarget(target), snapshot.position, operationId);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { proven: false, reason: `it could not be looked up: ${error instanceof FaberError || error.name === 'ScriptError' ? error.message : error.name}` };
    }
  },
};
