import { readFileSync } from 'node:fs';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { describe, expect, it } from 'vitest';
import { type History, principalFacts } from '../../src/activities/signal-sender.js';

/** Every identity in it says ceo@example.com. */
const history = historyFromJSON(JSON.parse(readFileSync(new URL('signals-with-principals.json', import.meta.url), 'utf8'))) as History;
const of = (name: string, nth: number, from = history) => principalFacts(from, { workflow_id: 'release-417', run_id: 'r', name, nth });

describe('who sent a signal', () => {
  it.each([
    ['approve', 1, 'pipeline@example.com'],
    ['approve', 2, 'eve@elsewhere.org'],
    ['reject', 1, 'eve@elsewhere.org'],
    ['approve', 3, 'ana@example.com'],
    ['resolve', 1, 'eve@elsewhere.org'],
    ['resolve', 2, 'ana@example.com'],
  ])('%s %i is the principal of its event, whatever identity and payload say', (name, nth, by) => {
    expect(of(name, nth)).toMatchObject({ ok: true, verification: 'principal', payload: { by }, requester: 'pipeline@example.com' });
  });

  it('comes with the payload of the same event', () => {
    expect(of('approve', 3)).toMatchObject({ payload: { comment: 'go', by: 'ana@example.com' } });
    expect(of('resolve', 2)).toMatchObject({ payload: { choice: 'accept', by: 'ana@example.com' } });
  });

  it('is not known without a principal, and of a signal that is not there nothing is', () => {
    const events = history.events!.map(({ principal: _, ...event }) => event);
    expect(of('approve', 3, { events } as History)).toMatchObject({ ok: false, by: null, reason: expect.stringContaining('no principal') as string });
    const nameless = history.events!.map((event) => ({ ...event, principal: { type: 'jwt', name: ' ' } }));
    expect(of('approve', 3, { events: nameless } as History)).toMatchObject({ ok: false, reason: expect.stringContaining('no principal') as string });
    expect(of('approve', 4)).toMatchObject({ ok: false, reason: 'the signal is not in the history', again: true });
    expect(of('approve', 0)).toMatchObject({ ok: false, reason: 'the signal is not in the history' });
  });
});
