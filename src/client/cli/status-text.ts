/** The answer of `status` for people: a row an environment, and under it what is to be done. */
import type { Drift } from '../../contract/drift.js';
import type { EnvironmentStatus, StatusResult } from '../../contract/status.js';
import { printable } from '../terminal-text.js';
import { table } from './table.js';

/** @param inFull shows the SQL of each difference: for one environment that was asked for by name */
export function statusText({ environments, not_shown }: StatusResult, inFull: boolean): string {
  const rows = environments.map((one) => [
    `${one.environment}${one.protected ? ' (protected)' : ''}`, reachable(one), ...migrations(one), drift(one.drift), backup(one), operations(one), variables(one),
  ]);
  return [
    table(['ENVIRONMENT', 'REACHABLE', 'APPLIED', 'PENDING', 'PROBLEMS', 'DRIFT', 'LAST BACKUP', 'OPERATIONS', 'VARIABLES'], rows),
    ...environments.flatMap((one) => details(one, inFull)),
    ...(not_shown.length > 0 ? ['', `Not shown, ask by name: ${printable(not_shown.join(', '))}`] : []),
  ].join('\n');
}

function reachable({ reachable: is }: EnvironmentStatus): string {
  return is === null ? 'unknown' : is ? 'yes' : 'NO';
}

function migrations({ migrations: of }: EnvironmentStatus): [string, string, string] {
  if (of === null) return ['-', '-', '-'];
  const problems = (['failed', 'edited', 'missing', 'out_of_order'] as const).flatMap((kind) => (of[kind].count > 0 ? [`${of[kind].count} ${kind.replaceAll('_', ' ')}`] : []));
  return [String(of.applied.count), String(of.pending.count), problems.join(', ') || 'none'];
}

function drift(of: Drift | null): string {
  return of === null ? '-' : { none: 'none', drifted: `${of.total} difference${of.total === 1 ? '' : 's'}`, unknown: 'unknown' }[of.status];
}

function backup({ last_backup: last }: EnvironmentStatus): string {
  return last === null ? 'none' : `${age(last.age_seconds)} ago, ${last.level}`;
}

export function age(seconds: number): string {
  const [unit, length] = ([['d', 86_400], ['h', 3_600], ['min', 60]] as const).find(([, long]) => seconds >= long) ?? ['s', 1];
  return `${Math.floor(seconds / length)} ${unit}`;
}

function operations({ running, waiting, interrupted }: EnvironmentStatus): string {
  const counts = Object.entries({ running, waiting, interrupted }).flatMap(([what, all]) => (all.length > 0 ? [`${all.length} ${what}`] : []));
  return counts.join(', ') || 'none';
}

function variables({ env_vars: all }: EnvironmentStatus): string {
  const unset = all.filter(({ value }) => value === 'NOT SET').map(({ name }) => name);
  if (all.length === 0) return '-';
  return unset.length === 0 ? 'SET' : `NOT SET: ${unset.join(', ')}`;
}

function details(one: EnvironmentStatus, inFull: boolean): string[] {
  const lines = [
    ...one.running.map(({ operation, workflow_id, phase }) => `  runs: ${operation} ${workflow_id}${phase === null ? '' : ` (${phase.replaceAll('_', ' ')})`}`),
    ...one.next.map((step) => `  → ${printable(step)}`),
    ...one.warnings.map((warning) => `  note: ${printable(warning)}`),
    ...(inFull && one.drift !== null ? differences(one.drift) : []),
  ];
  return lines.length === 0 ? [] : ['', printable(one.environment), ...lines];
}

function differences({ differences: all, total, notes }: Drift): string[] {
  const sides = { not_in_migrations: 'in the database, made by no migration', not_in_database: 'made by the migrations, not in the database', changed: 'changed' };
  return [
    ...(all.some(({ sql }) => sql !== null) ? ['', '  The SQL that turns what the migrations make into what is there (it has had its effect; to undo it, do the opposite):'] : []),
    ...all.flatMap(({ object, difference, sql, in_migrations, in_database }) => [
      '',
      `  -- ${printable(object)}: ${sides[difference]}`,
      ...(sql !== null ? code(sql) : [...code(`-- as the migrations make it:\n${in_migrations ?? ''}`), ...code(`-- as it is:\n${in_database ?? ''}`)]),
    ]),
    ...(total > all.length ? ['', `  … and ${total - all.length} more differences`] : []),
    ...notes.map((note) => `  note: ${printable(note)}`),
  ];
}

const code = (sql: string) => sql.split('\n').map((line) => `  ${printable(line.replaceAll('\t', '    '))}`);
