import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { compare } from '../../../../src/handlers/migration/prisma/compare.js';
import { maskedLogs } from '../../../../src/handlers/migration/prisma/postgresql/logs.js';
import type { LedgerRow } from '../../../../src/handlers/migration/contract.js';

const script = (text: string) => new TextEncoder().encode(text);
const sum = (text: string) => createHash('sha256').update(text).digest('hex');
const row = (name: string, more: Partial<LedgerRow> = {}): LedgerRow => ({
  id: name, name, checksum: sum(name), started_at: '2026-01-01T00:00:00.000Z', finished_at: '2026-01-01T00:00:01.000Z', rolled_back_at: null, logs: null, ...more,
});
const project = (...names: string[]) => names.map((name) => ({ name, up: script(name) }));
const ledger = (...rows: LedgerRow[]) => ({ exists: true, rows, digest: '' });
const NOTHING = { applied: [], pending: [], failed: [], edited: [], missing: [], out_of_order: [] };

describe('project and ledger side by side', () => {
  test('all applied', () => {
    expect(compare(project('a', 'b'), ledger(row('a'), row('b')))).toEqual({ ...NOTHING, applied: ['a', 'b'] });
  });

  test('pending ones keep the order of the project', () => {
    expect(compare(project('a', 'c', 'b'), ledger(row('a')))).toEqual({ ...NOTHING, applied: ['a'], pending: ['c', 'b'] });
  });

  test('an edited script', () => {
    expect(compare([{ name: 'a', up: script('other') }], ledger(row('a')))).toMatchObject({ applied: ['a'], edited: ['a'] });
  });

  test.each([['\r\n', '\n'], ['\n', '\r\n']])('other line endings are the same script, as in Prisma', (applied, now) => {
    const up = script(`SELECT 1;${now}SELECT 'é';${now}`);
    expect(compare([{ name: 'a', up }], ledger(row('a', { checksum: sum(`SELECT 1;${applied}SELECT 'é';${applied}`) }))).edited).toEqual([]);
  });

  test('applied, and gone from the project', () => {
    expect(compare(project('b'), ledger(row('a'), row('b')))).toEqual({ ...NOTHING, applied: ['a', 'b'], missing: ['a'] });
  });

  test('pending before an applied one', () => {
    expect(compare(project('a', 'b', 'c'), ledger(row('a'), row('c')))).toEqual({ ...NOTHING, applied: ['a', 'c'], pending: ['b'], out_of_order: ['b'] });
  });

  test('a failed row is neither applied nor pending', () => {
    const status = compare(project('a', 'b'), ledger(row('a', { finished_at: null, logs: 'SQLSTATE 23505' })));
    expect(status).toMatchObject({ applied: [], pending: ['b'], failed: [{ name: 'a', evidence: expect.stringContaining('SQLSTATE 23505') }] });
  });

  test('a failed row stops even beside a finished one', () => {
    expect(compare(project('a'), ledger(row('a', { id: '1', finished_at: null }), row('a', { id: '2' }))).failed).toHaveLength(1);
  });

  test('rolled back is pending; tried again and finished is applied', () => {
    const back = row('a', { id: '1', rolled_back_at: '2026-01-02T00:00:00.000Z' });
    expect(compare(project('a'), ledger(back))).toEqual({ ...NOTHING, pending: ['a'] });
    expect(compare(project('a'), ledger({ ...back, finished_at: null }, row('a', { id: '2' })))).toEqual({ ...NOTHING, applied: ['a'] });
  });

  test('no ledger: all pending', () => {
    expect(compare(project('a'), { exists: false, rows: [], digest: '' })).toEqual({ ...NOTHING, pending: ['a'] });
  });
});

/** As Prisma 5.22 and 6.19 wrote them (native engine), shortened. */
const LOGS = `A migration failed to apply. New migrations cannot be applied before the error is recovered from. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve

Migration name: 20240101000000_unique

Database error code: 23505

Database error:
ERROR: could not create unique index "User_email_key"
DETAIL: Key (email)=(ana@example.com) is duplicated.

DbError { severity: "ERROR", parsed_severity: Some(Error), code: SqlState(E23505), message: "could not create unique index", detail: Some("Key (email)=(ana@example.com) is duplicated.") }`;

describe('logs of other runners', () => {
  test('only the SQLSTATE is shown: the text holds row values', () => {
    expect(maskedLogs(LOGS)).toBe('SQLSTATE 23505; the full text is in the column logs of the ledger');
  });
  test('logs without a SQLSTATE show nothing of their text', () => {
    expect(maskedLogs("thread panicked at 'ana@example.com'")).toBe('an error without SQLSTATE; the full text is in the column logs of the ledger');
  });
  test.each([null, '', ' \n'])('no logs', (logs) => {
    expect(maskedLogs(logs)).toBeNull();
  });
});
