/** `faber-db preview`: the plan of a migration, without changing anything. */
import type { Command } from 'commander';
import type { PlanSummary } from '../../contract/plan.js';
import type { Response } from '../../contract/response.js';
import { renderPlan } from '../render-plan.js';
import { printable } from '../terminal-text.js';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { adopted, waitTimeout, watched, watchSeconds, withAdopt, withConnection, withDirectory, withJson } from './options.js';

/** An answer that is a plan, as text; undefined for any other. */
export function previewText(response: Response): string | undefined {
  if (response.status !== 'success') return undefined;
  const { plan, approval_required: needed } = response.result as { plan?: PlanSummary; approval_required?: boolean };
  if (plan === undefined) return undefined;
  return [renderPlan(plan), '', printable(response.message), needed ? 'Needs approval.' : 'Needs no approval.'].join('\n');
}

export function addPreview(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('preview <environment>')
    .summary('the plan of a migrate, without changing anything')
    .option('--baseline <migration>', 'as for migrate')
    .addOption(watchSeconds())
    .addOption(waitTimeout());
  withConnection(withJson(withDirectory(withAdopt(command)))).action(async (environment: string, options: OperateOptions & { baseline?: string; adopt?: string; watchSeconds?: number }) => {
    const parameters = { environment, ...adopted(options), ...(options.baseline === undefined ? {} : { baseline: options.baseline }), ...watched(options) };
    done(await operate(io, 'migrate-preview', parameters, { ...options, render: previewText }));
  });
}
