/** Every fault at moments that no barrier knows: so many milliseconds after the change began, from a seed. */
import { describe, expect, it } from 'vitest';
import { FAULTS, runMoment, type FaultName } from './faults.js';
import { wished } from './choice.js';
import type { Release } from './scene.js';
import { seeded } from './seed.js';
import { printed, type Row } from './table.js';

const RELEASES: readonly Release[] = ['applied', 'applied', 'undone by downs', 'undone by restore'];
/** On an idle machine a release takes four seconds, on a busy one ten and more. */
const LATEST_MS = 9_000;

const { seed, only } = wished('moments');
const each = Number(process.env['FABER_DB_FAULTS_MOMENTS'] ?? 4);
const random = seeded(seed);
// All are drawn, whatever is run: the same seed is the same moments with any filter.
const cases = (Object.keys(FAULTS) as FaultName[]).flatMap((fault) =>
  Array.from({ length: each }, () => ({ fault, release: RELEASES[Math.floor(random() * RELEASES.length)]!, ms: Math.floor(random() * LATEST_MS) })));
const rows: Row[] = [];

describe.concurrent('at any moment: the operation ends by itself, nothing ran twice, and nothing is left', () => {
  it.each(cases.filter(({ fault }) => only === undefined || fault.includes(only)))('$release: $fault, $ms ms after the change began', { timeout: 300_000 }, async ({ release, fault, ms }) => {
    const row: Row = { release, place: `${release}, moment`, fault, held: false, seconds: 0 };
    rows.push(row);
    expect(await runMoment(release, ms, fault)).toBe('held');
    row.held = true;
  });
});

printed(rows, Object.keys(FAULTS), seed);
