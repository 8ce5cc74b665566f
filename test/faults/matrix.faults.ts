/** The whole matrix: every point × every fault, in an order that a seed decides, and a table at the end. */
import { describe, expect, it } from 'vitest';
import { wished } from './choice.js';
import { FAULTS, runCase, type FaultName } from './faults.js';
import { POINTS } from './matrix.js';
import { seeded, shuffled } from './seed.js';
import { printed, type Row } from './table.js';

const { seed, only } = wished('matrix');
const cases = POINTS.flatMap((point) => (Object.keys(FAULTS) as FaultName[]).map((fault) => ({ ...point, fault, place: point.path.join(' → ') })));
const chosen = shuffled(cases.filter(({ place, fault }) => only === undefined || `${place} ${fault}`.includes(only)), seeded(seed));
const rows: Row[] = [];

describe.concurrent('the operation ends by itself, nothing ran twice, and nothing is left', () => {
  it.each(chosen)('$release: $place, $fault', { timeout: 300_000 }, async ({ release, path, fault, place }) => {
    const row: Row = { release, place, fault, held: false, seconds: 0 };
    rows.push(row);
    const begun = performance.now();
    expect(await runCase(release, path, fault)).toBe('held');
    row.held = true;
    row.seconds = (performance.now() - begun) / 1000;
  });
});

printed(rows, Object.keys(FAULTS), seed, POINTS.map((point) => point.path.join(' → ')));
