/** What of a ledger row's `logs` may be shown. */

/**
 * Prisma writes the server's whole error there, DETAIL with row values and parts of the script included. Only the
 * migration engine's own words are safe: the SQLSTATE and the line. The full text stays in the database.
 */
export function maskedLogs(logs: string | null): string | null {
  if (logs === null || logs.trim() === '') return null;
  const state = /Database error code: ([0-9A-Z]{5})\b/.exec(logs)?.[1] ?? /SqlState\(E?([0-9A-Z]{5})\)/.exec(logs)?.[1] ?? /SQLSTATE ([0-9A-Z]{5})\b/.exec(logs)?.[1];
  const line = /\(line (\d+)\)/.exec(logs)?.[1];
  return `${state ? `SQLSTATE ${state}` : 'an error without SQLSTATE'}${line ? `, line ${line}` : ''}; the full text is in the column logs of the ledger`;
}
