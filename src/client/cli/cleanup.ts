/** `faber-db cleanup`: what retention takes and why the rest stays; removed with --apply. */
import type { Command } from 'commander';
import type { Response } from '../../contract/response.js';
import type { CleanupResult, Retained } from '../../contract/retention.js';
import { printable } from '../terminal-text.js';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { waitTimeout, withConnection, withDirectory, withJson } from './options.js';
import { size } from './size.js';
import { table } from './table.js';

function row({ kind, id, remove, reason, removed_after, size_bytes }: Retained, applied: boolean): string[] {
  return [remove ? (applied ? 'removed' : 'goes') : 'stays', kind, id, size_bytes === null ? '-' : size(size_bytes), removed_after?.slice(0, 10) ?? '-', reason];
}

function cleanupText(response: Response): string | undefined {
  if (response.status !== 'success') return undefined;
  const { applied, removed, kept, plan_artifacts, error_details, unfinished, freed_bytes } = response.result as CleanupResult;
  const all = [...removed, ...kept];
  return [
    all.length === 0 ? 'No backups.' : table(['', 'KIND', 'NAME', 'SIZE', 'EXPIRES', 'WHY'], all.map((one) => row(one, applied))),
    `Besides: ${plan_artifacts} old plans, ${error_details} old error texts, ${unfinished} left-overs.`,
    `${printable(response.message)}. ${size(freed_bytes)} ${applied ? 'freed' : 'would be freed'} in the store.`,
    ...(applied ? [] : ['Nothing was removed; --apply does it.']),
  ].join('\n');
}

export function addCleanup(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('cleanup <environment>')
    .summary('what retention takes, and why the rest stays; --apply removes it')
    .option('--apply', 'remove it; without, it is only shown')
    .addOption(waitTimeout());
  withConnection(withJson(withDirectory(command))).action(async (environment: string, options: OperateOptions & { apply?: boolean }) => {
    done(await operate(io, 'cleanup-backups', { environment, apply: options.apply === true }, { ...options, render: cleanupText }));
  });
}
