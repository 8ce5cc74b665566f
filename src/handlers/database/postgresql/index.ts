/** The handler of PostgreSQL: the port, each method in a file of its name. */
import { FaberError } from '../../../contract/failure.js';
import type { DatabaseHandler } from '../contract.js';
import { oneAtATime } from './beside/one-at-a-time.js';
import { withScratch } from './beside/scratch.js';
import { makeDurable, postgresBookkeeping } from './bookkeeping.js';
import { parsePostgresUrl, postgresTarget } from './connection-url.js';
import { createDatabase, creationObstacles } from './create-database.js';
import { schemaFacts, schemaFingerprint } from './fingerprint.js';
import { checkHealth } from './health.js';
import { holdWrites } from './hold-writes.js';
import { identify } from './identity.js';
import { rowsFound, uncheckedObjects } from './integrity.js';
import { proveQuiet } from './quiet.js';
import { measure, measureTables } from './measure.js';
import { openSession, withSession } from './session.js';
import { purposeName, readingName } from './session-names.js';
import { sessions } from './sessions.js';
import { standalone } from './standalone.js';
import { tableCounts } from './table-counts.js';
import { inTransaction } from './transaction.js';

export const postgresDatabaseHandler: DatabaseHandler = {
  provider: 'postgresql',
  bookkeeping: postgresBookkeeping,
  target: (url) => parsePostgresUrl(url),
  identify: (target, options) => identify(postgresTarget(target), options),
  createDatabase: (target) => createDatabase(postgresTarget(target)),
  creationObstacles: (target) => creationObstacles(postgresTarget(target)),
  withScratch: (target, use, work) => withScratch(postgresDatabaseHandler, target, use, work),
  oneAtATime: (target, name, options, work) => oneAtATime(postgresDatabaseHandler, target, name, options, work),
  checkHealth: (target, thresholds) => checkHealth(postgresTarget(target), thresholds),
  sessions: (target) => sessions(postgresTarget(target)),
  connect: (target, purpose) => openSession(postgresTarget(target), purposeName(purpose)),
  inTransaction: (target, fence, options, work, record) => inTransaction(postgresTarget(target), fence, options, work, record),
  makeDurable: (target, fence) => makeDurable(postgresTarget(target), fence),
  standalone: (target, fence, options, sql) => standalone(postgresTarget(target), fence, options, sql),
  schemaFingerprint: (target, own) => schemaFingerprint(postgresTarget(target), own),
  schemaFacts: (target, own) => schemaFacts(postgresTarget(target), own),
  tableCounts: (target) => tableCounts(postgresTarget(target)),
  measureTables: (target) => measureTables(postgresTarget(target)),
  measure: (target, places) => measure(postgresTarget(target), places),
  rowsFound: (target, query, options) => rowsFound(postgresTarget(target), query, options),
  uncheckedObjects: (target) => uncheckedObjects(postgresTarget(target)),
  holdWrites: (target, fence, hold) => holdWrites(postgresTarget(target), fence, hold),

  async nothingWrittenSince(target, snapshot, operationId, session) {
    try {
      if (session) return await proveQuiet(session, snapshot.position, operationId);
      return await withSession(postgresTarget(target), readingName('proof'), (own) => proveQuiet(own, snapshot.position, operationId));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { proven: false, reason: `it could not be looked up: ${error instanceof FaberError || error.name === 'ScriptError' ? error.message : error.name}` };
    }
  },
};
