/** `faber-db health-check`: exit code 0 healthy, 2 degraded, 3 unhealthy or unknown, 1 configuration. */
import type { Command } from 'commander';
import type { HealthReport } from '../../contract/health.js';
import type { Response } from '../../contract/response.js';
import { exitCodeOf } from '../error-response.js';
import { printable } from '../terminal-text.js';
import { runnableText } from './answers.js';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { waitTimeout, withConnection, withDirectory, withJson } from './options.js';

const EXIT_CODES: Record<HealthReport['status'], number> = { healthy: 0, degraded: 2, unhealthy: 3 };

function healthExitCode(response: Response): number {
  if (response.status !== 'success') return exitCodeOf(response);
  return EXIT_CODES[(response.result as HealthReport).status] ?? 3;
}

function healthText(response: Response, invokedAs: string): string | undefined {
  if (response.status !== 'success') return undefined;
  const { checks } = response.result as HealthReport;
  return [
    printable(response.message),
    ...checks.flatMap(({ name, status, detail, recommendation }) => [
      `  ${name.padEnd(18)} ${status.padEnd(10)} ${printable(detail)}`,
      ...(recommendation ? [`  ${''.padEnd(18)} ${''.padEnd(10)} → ${printable(runnableText(recommendation, invokedAs))}`] : []),
    ]),
  ].join('\n');
}

export function addHealthCheck(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('health-check <environment>')
    .summary('connectivity, migrations, schema and performance; exit code 0 healthy, 2 degraded, 3 unhealthy, 1 configuration')
    .addOption(waitTimeout());
  withConnection(withJson(withDirectory(command))).action(async (environment: string, options: OperateOptions) => {
    done(await operate(io, 'health-check', { environment }, { ...options, exitCode: healthExitCode, render: (response) => healthText(response, io.invokedAs) }));
  });
}
