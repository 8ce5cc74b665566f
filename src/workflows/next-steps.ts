/** What a person can do about an environment, most urgent first. Commands run as printed. */
import type { EnvironmentStatus, MigrationsInShort } from '../contract/index.js';

type Seen = Omit<EnvironmentStatus, 'next'>;

export function nextSteps(seen: Seen): string[] {
  const { environment: name } = seen;
  return [
    ...(seen.problem === null ? [] : [seen.problem.message, ...seen.problem.suggestions]),
    ...wrongDatabase(seen),
    ...seen.interrupted.map(({ operation_id, operation, begun_at }) => `${operation} ${operation_id}, begun ${begun_at}, was interrupted: the next change names it and asks what to do. Look first: faber-db migrate ${name} --dry-run`),
    ...seen.waiting.map(({ operation, waiting_for, command }) => `${operation} waits for ${waiting_for ?? 'something'}${command === null ? '' : `: ${command}`}`),
    ...(seen.migrations === null ? [] : ofMigrations(seen.migrations, seen)),
    ...ofDrift(seen),
    ...ofBackup(seen),
  ];
}

function wrongDatabase({ environment, database }: Seen): string[] {
  if (database === null) return [];
  return [
    ...(database.marker !== null && database.marker !== environment ? [`The database says that it is '${database.marker}', not '${environment}': check the variable of its URL`] : []),
    ...(database.standby ? ['The database is a standby: changes belong on the primary'] : []),
    ...(database.pooled ? [`The database is reached through a pooler in transaction mode: name a variable with the direct URL as direct_connection_string_env of ${environment}`] : []),
  ];
}

function ofMigrations({ ledger, pending, failed, edited, missing, out_of_order: late }: MigrationsInShort, { environment, database }: Seen): string[] {
  const listed = (names: { count: number; names: string[] }) => `${names.names.slice(0, 3).join(', ')}${names.count > 3 ? ` and ${names.count - 3} more` : ''}`;
  const baseline = !ledger && database?.empty === false;
  return [
    ...(failed.count > 0 ? [`Failed: ${listed(failed)}. Its plan shows what is there, and the approval says what happened to it: faber-db migrate ${environment}`] : []),
    ...(edited.count > 0 ? [`Edited after they were applied: ${listed(edited)}. Restore the files from version control, and write a new migration for what was meant`] : []),
    ...(missing.count > 0 ? [`Applied and not in the project: ${listed(missing)}. Restore them from version control, or check that this is the right checkout`] : []),
    ...(late.count > 0 ? [`Pending although a later one is applied: ${listed(late)}. Look at the plan: faber-db preview ${environment}`] : []),
    ...(baseline ? [`The database holds tables and no ledger. Name the last migration that it already holds: faber-db migrate ${environment} --baseline NAME`] : []),
    ...(pending.count > 0 && !baseline ? [`${pending.count} pending: faber-db migrate ${environment}`] : []),
  ];
}

function ofDrift({ environment, drift }: Seen): string[] {
  if (drift === null || drift.status === 'none') return [];
  if (drift.status === 'unknown') return [`Drift could not be checked: ${drift.reason ?? 'for an unknown reason'}`, ...drift.suggestions];
  return [`${drift.total} difference(s) from what the migrations make: undo them by hand, or write a migration that makes them (faber-db status ${environment} shows their SQL)`];
}

function ofBackup({ environment, protected: isProtected, reachable, last_backup: last }: Seen): string[] {
  if (reachable !== true || isProtected !== true) return [];
  if (last === null) return [`No backup: faber-db backup ${environment}`];
  return last.proven ? [] : [`The last backup was never restored: faber-db verify ${environment} ${last.backup_id}`];
}
