/** What of a ledger row's `logs` may be shown. */

/** Prisma writes the server's whole error there, with values; only the number of the error is safe. The full text stays in the database. */
export function maskedLogs(logs: string | null): string | null {
  if (logs === null || logs.trim() === '') return null;
  const number = /Database error code: (\d+)/.exec(logs)?.[1] ?? /\(error (\d+)\)/.exec(logs)?.[1];
  const line = /\(line (\d+)\)/.exec(logs)?.[1];
  return `${number ? `error ${number}` : 'an error without a number'}${line ? `, line ${line}` : ''}; the full text is in the column logs of the ledger`;
}
