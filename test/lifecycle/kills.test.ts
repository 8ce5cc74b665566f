/** A sample of the fault matrix; `npm run faults` runs all of it. */
import { describe, expect, it } from 'vitest';
import { runCase, type FaultName, type Path } from '../faults/faults.js';
import type { Release } from '../faults/scene.js';

const SAMPLE: [Release, Path, FaultName][] = [
  ['applied', ['in-dump'], 'SIGKILL worker'],
  ['applied', ['in-restore'], 'SIGKILL worker'],
  ['applied', ['after-script'], 'SIGKILL worker'],
  ['applied', ['after-commit'], 'SIGKILL worker'],
  ['applied', ['standalone-after-script'], 'SIGKILL worker'],
  ['undone by downs', ['revert-after-commit'], 'SIGKILL worker'],
  ['undone by restore', ['swap-before-renames'], 'SIGKILL worker'],
  ['undone by restore', ['swap-after-renames'], 'SIGKILL worker'],
  ['applied', ['before-applyMigrations'], 'SIGSTOP worker'],
  ['undone by downs', ['after-script'], 'SIGSTOP worker'],
  ['applied', ['before-script'], 'SIGTERM worker'],
  ['applied', ['after-commit'], 'cancel'],
  ['applied', ['after-script'], 'terminate operation'],
  ['applied', ['in-dump'], 'SIGKILL PostgreSQL'],
  ['applied', ['after-script'], 'SIGKILL PostgreSQL'],
  ['applied', ['after-applyMigrations'], 'SIGKILL PostgreSQL'],
  ['applied', ['after-commit'], 'SIGKILL PostgreSQL'],
  ['undone by downs', ['revert-before-commit'], 'SIGKILL PostgreSQL'],
  ['applied', ['after-commit'], 'SIGKILL Temporal'],
  ['applied', ['after-script'], 'PostgreSQL silent'],
  ['applied', ['after-script'], 'PostgreSQL resets'],
  ['applied', ['standalone-after-script'], 'Temporal silent'],
  ['undone by downs', ['revert-after-commit'], 'Temporal resets'],
];

// Nearly all of the time is waiting: for a heartbeat that does not come, for a new worker.
describe.concurrent('the operation ends by itself, nothing ran twice, and nothing is left', () => {
  it.each(SAMPLE)('%s: %s, %s', { timeout: 240_000 }, async (release, path, fault) => {
    expect(await runCase(release, path, fault)).toBe('held');
  });
});
