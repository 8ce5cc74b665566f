/** `faber-db worker`: runs operations until a signal. */
import type { Command } from 'commander';
import { withConnection, type ConnectionFlags } from './options.js';

export function addWorker(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('worker')
    .summary('run operations until SIGINT or SIGTERM')
    .option('--metrics <host:port>', 'Prometheus endpoint, or off (FABER_DB_METRICS)');
  withConnection(command).action(async ({ address, namespace, profile, taskQueue, metrics }: ConnectionFlags & { metrics?: string }) => {
    // The worker reads its connection from the environment, as every Temporal program does.
    const variables = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, TEMPORAL_PROFILE: profile };
    for (const [name, value] of Object.entries(variables)) if (value !== undefined) process.env[name] = value;
    // Loaded here only: the worker's native parts take a second, and no other command needs them.
    const { runWorker } = await import('../../../worker.js');
    await runWorker({ ...(taskQueue === undefined ? {} : { taskQueue }), ...(metrics === undefined ? {} : { metrics }) });
    done(0);
  });
}
