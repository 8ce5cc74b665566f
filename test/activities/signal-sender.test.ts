import { readFileSync } from 'node:fs';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { describe, expect, it } from 'vitest';
import { type HistoryEvent, SignalHistory } from '../../src/activities/signal-history.js';
import { principalFacts } from '../../src/activities/signal-sender.js';

/** Every identity in it says ceo@example.com. */
const { events } = historyFromJSON(JSON.parse(readFileSync(new URL('signals-with-principals.json', import.meta.url), 'utf8'))) as { events: HistoryEvent[] };
const of = (name: string, nth: number, from: readonly HistoryEvent[] = events) => {
  const history = new SignalHistory(async () => ({ events: from, next: null }), ['approve', 'reject', 'resolve']);
  return principalFacts(history, { workflow_id: 'release-417', run_id: 'r', name, nth });
};

describe('who sent a signal', () => {
  it.each([
    ['approve', 1, 'pipeline@example.com'],
    ['approve', 2, 'eve@elsewhere.org'],
    ['reject', 1, 'eve@elsewhere.org'],
    ['approve', 3, 'ana@example.com'],
    ['resolve', 1, 'eve@elsewhere.org'],
    ['resolve', 2, 'ana@example.com'],
  ])('%s %i is the principal of its event, whatever identity and payload say', async (name, nth, by) => {
    expect(await of(name, nth)).toMatchObject({ ok: true, verification: 'principal', payload: { by }, requester: 'pipeline@example.com' });
  });

  it('comes with the payload of the same event', async () => {
    expect(await of('approve', 3)).toMatchObject({ payload: { comment: 'go', by: 'ana@example.com' } });
    expect(await of('resolve', 2)).toMatchObject({ payload: { choice: 'accept', by: 'ana@example.com' } });
  });

  it('is not known without a principal, and of a signal that is not there nothing is', async () => {
    const without = events.map(({ principal: _, ...event }) => event);
    expect(await of('approve', 3, without)).toMatchObject({ ok: false, by: null, reason: expect.stringContaining('no principal') as string });
    const nameless = events.map((event) => ({ ...event, principal: { type: 'jwt', name: ' ' } }));
    expect(await of('approve', 3, nameless)).toMatchObject({ ok: false, reason: expect.stringContaining('no principal') as string });
    expect(await of('approve', 4)).toMatchObject({ ok: false, reason: 'the signal is not in the history', again: true });
    expect(await of('approve', 0)).toMatchObject({ ok: false, reason: 'the signal is not in the history' });
  });
});
