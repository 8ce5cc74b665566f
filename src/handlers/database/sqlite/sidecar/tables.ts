/**
 * What faber-db remembers of a database lies in a database of its own beside the file, `<file>.faber-db`: a table in the file itself
 * would be drift for every migration tool. Each changing transaction holds its write lock from before it begins until it has ended.
 */

export const SIDECAR = '.faber-db';

export const DDL = `
  CREATE TABLE IF NOT EXISTS about (
    one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, host TEXT NOT NULL, file TEXT NOT NULL, inode TEXT
  );
  CREATE TABLE IF NOT EXISTS marker (
    one INTEGER PRIMARY KEY CHECK (one = 1), environment TEXT NOT NULL, operation_id TEXT, written_at TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS fence (
    one INTEGER PRIMARY KEY CHECK (one = 1), token INTEGER NOT NULL, operation_id TEXT, taken_at TEXT, attempt_at INTEGER, holder TEXT
  );
  CREATE TABLE IF NOT EXISTS operations (
    operation_id TEXT PRIMARY KEY, operation TEXT NOT NULL, environment TEXT NOT NULL, request_digest TEXT NOT NULL, plan_hash TEXT, artifact TEXT,
    requested_by TEXT, attempt_at INTEGER, begun_at TEXT NOT NULL, ended_at TEXT, answer TEXT
  );
  CREATE TABLE IF NOT EXISTS steps (
    id INTEGER PRIMARY KEY AUTOINCREMENT, operation_id TEXT NOT NULL, migration TEXT NOT NULL, action TEXT NOT NULL, ledger_id TEXT, position TEXT, at TEXT NOT NULL,
    proof TEXT
  );
  CREATE TABLE IF NOT EXISTS own_writes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, operation_id TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS exchanges (
    operation_id TEXT PRIMARY KEY, kept TEXT, cookie INTEGER NOT NULL, done INTEGER NOT NULL
  );`;

export const now = () => new Date().toISOString();
