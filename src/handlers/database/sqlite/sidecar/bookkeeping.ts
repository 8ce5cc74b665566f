/** What the sidecar remembers of changing operations: begun, ended, and each step. */
import { FaberError } from '../../../../contract/failure.js';
import { shellWord } from '../../../../contract/shell-word.js';
import type { Bookkeeping, Fence, OperationRow, Session, StepRow } from '../../contract.js';
import { Connection } from '../connection.js';
import { sqliteTarget, type SqliteTarget } from '../connection-url.js';
import { withFile } from '../open.js';
import { fenced, requireToken, takeFence } from './fence.js';
import { ensureSidecar, readSidecar, sidecarOf } from './open.js';
import { now } from './tables.js';

const REMEMBERED = 'operation_id, operation, environment, request_digest, plan_hash, artifact, requested_by, begun_at, ended_at';

export const sqliteBookkeeping: Bookkeeping = {
  ensure: (target) => ensureSidecar(sqliteTarget(target)),
  takeFence: (target, operationId, options) => takeFence(sqliteTarget(target), operationId, options),
  checkFence,

  async operation(target, operationId) {
    return (await operations(sqliteTarget(target), 'WHERE operation_id = ?', [operationId]))[0] ?? null;
  },

  async remembered(target) {
    return (await readSidecar(sqliteTarget(target), (sidecar) => sidecar.query<Omit<OperationRow, 'answer'>>(`SELECT ${REMEMBERED} FROM operations ORDER BY begun_at`))) ?? [];
  },

  unfinished: (target) => operations(sqliteTarget(target), 'WHERE ended_at IS NULL ORDER BY begun_at'),

  markerStatement: (target, environment) => `sqlite3 ${shellWord(sidecarOf(sqliteTarget(target).file))} ${shellWord(`UPDATE marker SET environment = '${environment.replaceAll("'", "''")}'`)}`,
  steps: (target, operationId) => steps(sqliteTarget(target), 'WHERE operation_id = ? ORDER BY id', [operationId]),

  async lastSteps(target) {
    const last = new Map((await steps(sqliteTarget(target), 'ORDER BY id')).map((step) => [step.migration, step]));
    return [...last.values()];
  },

  async begin(target, fence, row, marker) {
    await fenced(sqliteTarget(target), fence, async (sidecar) => {
      await sidecar.query(
        `INSERT INTO operations (operation_id, operation, environment, request_digest, plan_hash, artifact, requested_by, begun_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (operation_id) DO UPDATE SET plan_hash = ?5, artifact = ?6, ended_at = NULL, answer = NULL`,
        [row.operation_id, row.operation, row.environment, row.request_digest, row.plan_hash, row.artifact, row.requested_by, now()],
      );
      if (marker === null) return;
      await sidecar.query(
        `INSERT INTO marker (one, environment, operation_id, written_at) VALUES (1, ?1, ?2, ?3)
         ON CONFLICT (one) DO UPDATE SET environment = ?1, operation_id = ?2, written_at = ?3`,
        [marker, row.operation_id, now()],
      );
    });
  },

  async end(target, fence, operationId, answer) {
    await fenced(sqliteTarget(target), fence, (sidecar) =>
      sidecar.query('UPDATE operations SET ended_at = coalesce(ended_at, ?), answer = ? WHERE operation_id = ?', [now(), JSON.stringify(answer ?? null), operationId]));
  },
};

async function operations(target: SqliteTarget, where: string, parameters: unknown[] = []): Promise<OperationRow[]> {
  const rows = await readSidecar(target, (sidecar) => sidecar.query<OperationRow & { answer: string | null }>(`SELECT ${REMEMBERED}, answer FROM operations ${where}`, parameters));
  return (rows ?? []).map((row) => ({ ...row, answer: row.answer === null ? null : (JSON.parse(row.answer) as unknown) }));
}

/** A step whose end was not recorded counts when the database says that it happened: the two files are not committed as one. */
async function steps(target: SqliteTarget, where: string, parameters: unknown[] = []): Promise<StepRow[]> {
  const found = await readSidecar(target, async (sidecar, { file }) => {
    const rows = await sidecar.query<Omit<StepRow, 'xid'> & { position: string | null; proof: string | null }>(
      `SELECT operation_id, migration, action, ledger_id, position, at, proof FROM steps ${where}`, parameters);
    const open = rows.filter(({ proof }) => proof !== null);
    const happened = new Set<unknown>();
    if (open.length > 0) await withFile(file, 'read', async (database) => {
      for (const row of open) if (await isProven(database, row.proof!)) happened.add(row);
    });
    return rows.filter((row) => row.proof === null || happened.has(row)).map(({ position, proof: _, ...row }): StepRow => ({ ...row, xid: position }));
  });
  return found ?? [];
}

/** A ledger that is gone proves nothing. */
async function isProven(database: Connection, proof: string): Promise<boolean> {
  return (await database.query(proof).catch(() => [])).length > 0;
}

/** @param session of the database itself */
async function checkFence(session: Session, fence: Fence): Promise<void> {
  if (!(session instanceof Connection)) throw new FaberError({ code: 'internal', message: 'The session belongs to another database system' });
  await withFile(sidecarOf(session.file), 'read', (sidecar) => requireToken(sidecar, fence));
}
