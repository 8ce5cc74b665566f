/** All activities, built from their dependencies. Each passes one error mapper and one log line. */
import { Context } from '@temporalio/activity';
import { barrier } from '../handlers/barrier.js';
import { applyMigrations } from './apply-migrations.js';
import { abandonBackup, confirmBackup, createBackup, proveBackup } from './backups.js';
import { beginChange, beginInRestored, settleInterrupted } from './begin-change.js';
import { checkDrift } from './check-drift.js';
import { checkHealth, watchHealth } from './check-health.js';
import { cleanUpBackups } from './clean-up-backups.js';
import type { Activities } from './contract.js';
import { createDatabase } from './create-database.js';
import { isRunning, requestLock } from './database-lock.js';
import type { Dependencies } from './dependencies.js';
import { endOperation, holdWrites } from './end-operation.js';
import { framesOf, handedOver, toFailure } from './failures.js';
import { generateMigration } from './generate-migration.js';
import { inspectChange, verifyUndone } from './inspect-change.js';
import { listBackups } from './list-backups.js';
import { loadEnvironments } from './load-environments.js';
import { loadOperation } from './load-operation.js';
import { checkIntegrity, rehearseMigrations, runTests } from './phases.js';
import { askCloud, sendAudit, sendNotification, sendWork } from './plugins.js';
import { planOperation } from './plan-operation.js';
import { readEnvironment } from './read-environment.js';
import { readSchedules } from './read-schedules.js';
import { recheckPlan } from './recheck-plan.js';
import { rebuildDatabase } from './rebuild-database.js';
import { restoreBackup } from './restore-backup.js';
import { revertMigrations } from './revert-migrations.js';
import { runSeed } from './run-seed.js';
import { findWorkers, listRunning } from './running-operations.js';
import { secretsIn } from './secrets.js';
import { findBackup, verifyBackup } from './verify-backup.js';
import { verifyDecisions } from './verify-decisions.js';

export function createActivities(deps: Dependencies): Activities {
  const activities = {
    loadOperation, planOperation, recheckPlan, checkHealth, inspectChange, verifyUndone, verifyDecisions, confirmBackup, listBackups, readSchedules, findBackup,
    createDatabase, beginChange, beginInRestored, settleInterrupted, createBackup, abandonBackup, proveBackup, generateMigration, verifyBackup, cleanUpBackups, holdWrites, applyMigrations, revertMigrations, restoreBackup, runSeed, rebuildDatabase,
    endOperation, sendAudit, sendWork, sendNotification, askCloud, watchHealth, rehearseMigrations, runTests, checkIntegrity,
    checkDrift, loadEnvironments, readEnvironment,
    listRunning: () => listRunning(),
    findWorkers: (_deps: Dependencies, input: Parameters<typeof findWorkers>[0]) => findWorkers(input),
    requestLock: (_deps: Dependencies, input: Parameters<typeof requestLock>[0]) => requestLock(input),
    isRunning: (_deps: Dependencies, input: Parameters<typeof isRunning>[0]) => isRunning(input),
  };
  const guarded = Object.entries(activities).map(([name, activity]) => [name, guard(deps, name, activity as Step)]);
  return Object.fromEntries(guarded) as Activities;
}

/**
 * Steps of a change that has begun. A server that cannot be reached then (it restarts, the network is gone) leaves an unknown
 * outcome: they are tried again. Before, it is an answer.
 */
const GO_ON: ReadonlySet<string> = new Set<keyof Activities>([
  'createBackup', 'proveBackup', 'verifyBackup', 'holdWrites', 'applyMigrations', 'revertMigrations', 'restoreBackup', 'runSeed', 'rebuildDatabase', 'beginInRestored', 'inspectChange', 'verifyUndone', 'endOperation',
]);
/** Of these: steps before which nothing was changed. That every place of the database is taken is an answer there, not something to wait for. */
const BEFORE_ANY_CHANGE: ReadonlySet<string> = new Set<keyof Activities>(['createBackup', 'proveBackup']);

type Step = (deps: Dependencies, input: never) => Promise<unknown>;

function guard(deps: Dependencies, name: string, step: Step): (input: never) => Promise<unknown> {
  return async (input) => {
    try {
      await barrier(`before-${name}`);
      const result = await step(deps, input);
      await barrier(`after-${name}`);
      return result;
    } catch (error) {
      const failure = toFailure(handedOver(error), secretsIn(deps, input), GO_ON.has(name) && (BEFORE_ANY_CHANGE.has(name) ? 'unless full' : true));
      Context.current().log.warn('activity failed', { kind: (error as Error | null)?.constructor?.name, reason: failure.message, frames: framesOf(error) });
      throw failure;
    }
  };
}
