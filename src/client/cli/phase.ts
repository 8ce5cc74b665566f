/** `faber-db phase`: one call for a pipeline, which starts the operations of a phase one after the other. */
import type { Command } from 'commander';
import type { PhaseName } from '../../contract/operation.js';
import type { PhaseStep } from '../../contract/results.js';
import type { Response } from '../../contract/response.js';
import { printable } from '../terminal-text.js';
import { renderAnswer } from './answers.js';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { waitTimeout, withConnection, withDirectory, withJson } from './options.js';

const SUMMARIES: Record<PhaseName, string> = {
  build: 'generate a migration (--name), try what is pending up, down and up again, apply it to dev',
  evaluate: "apply to staging, run the project's tests, check the data",
  release: 'the guarded migrate of production, watched, and undone when health turns bad',
};

const ENVIRONMENTS: Record<PhaseName, string> = { build: 'dev', evaluate: 'staging', release: 'production' };

function phaseText(response: Response): string | undefined {
  if (response.status !== 'success') return undefined;
  return renderAnswer({ ...response, result: {} }, stepLines(response.result['steps'] as PhaseStep[]));
}

const stepLines = (steps: readonly PhaseStep[]) => steps.map(({ step, status, message }) => `  ${step}: ${status.replaceAll('_', ' ')}. ${printable(message)}`);

export function addPhase(program: Command, io: Io, done: (exitCode: number) => void): void {
  const phase = program.command('phase').summary('run a phase of a pipeline: build, evaluate or release');
  for (const name of Object.keys(SUMMARIES) as PhaseName[]) {
    const command = phase
      .command(name)
      .summary(SUMMARIES[name])
      .option('--environment <name>', `instead of ${ENVIRONMENTS[name]}`)
      .option('--workflow-id <id>', 'a repeated start with this id joins the phase, or returns the answer it gave')
      .addOption(waitTimeout());
    if (name === 'build') command.option('--name <name>', 'generate a migration of this name first, where the schema has changed');
    withConnection(withJson(withDirectory(command))).action(async ({ environment, name: migration, ...options }: OperateOptions & { environment?: string; name?: string }) => {
      const parameters = { ...(environment === undefined ? {} : { environment }), ...(migration === undefined ? {} : { name: migration }) };
      done(await operate(io, name, parameters, { ...options, render: phaseText }));
    });
  }
}
