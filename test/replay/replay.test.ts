import { readdirSync, readFileSync } from 'node:fs';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { workflowCode } from '../../worker.js';

const FOLDER = new URL('histories/', import.meta.url);
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));

interface SavedHistory {
  events: { workflowExecutionStartedEventAttributes?: { workflowId?: string }; activityTaskScheduledEventAttributes?: { activityType?: { name?: string } } }[];
}
const historyOf = (name: string): SavedHistory => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as SavedHistory;

describe('saved histories replay, so that an operation that waits outlives a deploy', () => {
  beforeAll(() => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  });

  it('of every state', () => {
    expect(names).toEqual(expect.arrayContaining(['waiting-for-approval', 'waiting-for-decision', 'waiting-for-decision-change', 'waiting-for-lock-change', 'database-queue', 'migrated-change', 'failed-and-undone-change', 'waiting-for-infrastructure', 'seed-waiting-for-decision-change', 'reset-change', 'rollback-change']));
  });

  it.each(names)('%s', async (name) => {
    const history = historyOf(name);
    // Ids of children are made from the operation's own.
    await Worker.runReplayHistory({ ...workflowCode() }, history, history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? name);
  });

  it('and one that does not fit is found: this test can fail', async () => {
    const history = historyOf('waiting-for-approval');
    for (const event of history.events) {
      const type = event.activityTaskScheduledEventAttributes?.activityType;
      if (type) type.name = 'somethingElse';
    }
    await expect(Worker.runReplayHistory({ ...workflowCode() }, history)).rejects.toThrow(/[Dd]eterminism/);
  });
});
