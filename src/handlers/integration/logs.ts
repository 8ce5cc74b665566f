/** The logs plugin: an executable that gets one audit record as JSON on stdin, or a URL that gets it by POST. */
import { execa } from 'execa';
import type { AuditRecord } from '../../contract/audit.js';

const TIMEOUT_MS = 30_000;

/** Delivers one record. The plugin must take the same `record_id` twice: delivery is at least once. @throws Error when it does not take it */
export type SendAudit = (plugin: string, record: AuditRecord) => Promise<void>;

export const sendAudit: SendAudit = async (plugin, record) => {
  const body = JSON.stringify(record);
  if (/^https?:\/\//.test(plugin)) {
    const response = await fetch(plugin, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`the logs plugin answered ${response.status}`);
    return;
  }
  // Its own environment holds no database credentials: a plugin needs none.
  await execa(plugin, [], {
    input: `${body}\n`, timeout: TIMEOUT_MS, extendEnv: false, env: { PATH: process.env['PATH'], HOME: process.env['HOME'] }, maxBuffer: 64 * 1024,
  });
};
