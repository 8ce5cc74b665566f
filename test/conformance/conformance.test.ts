/** Every handler passes the same cases. The README's table is made of what they did: `npx vitest run test/conformance -u`. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { CASES, type Case } from './cases.js';
import { openScene, title, type Combination } from './combination.js';
import { limited } from './limited.js';
import { COMBINATIONS, WORKED_EXAMPLE } from './matrix.js';
import { capabilityTable, type Passed } from './table.js';

const README = new URL('../../README.md', import.meta.url);
const passed: Passed[] = [];

/** What is about the database alone runs with one tool. */
const isFirstOn = (combination: Combination) => COMBINATIONS.find(({ system }) => system === combination.system) === combination;

describe.each([...COMBINATIONS, WORKED_EXAMPLE].map((combination) => [title(combination), combination] as const))('%s', (_title, combination) => {
  const cases = Object.entries(CASES).filter(([, { about }]) => about === 'tool' || isFirstOn(combination));

  it.concurrent.each(cases)('%s', async (name: string, told: Case) => {
    await limited(async () => {
      const scene = await openScene(combination, told.samples ?? []);
      const refused = combination.refuses?.[name];
      if (refused === undefined) await told.run(scene);
      else await expect(told.run(scene)).rejects.toMatchObject({ code: refused, suggestions: [expect.any(String)] });
      passed.push({ combination, name, refused: refused !== undefined });
    });
  });
});

it('is what the table in the README says', async () => {
  const text = await readFile(README, 'utf8');
  const made = text.replace(/(<!-- what each combination can do -->\n)[\s\S]*?(<!-- end -->)/, (_all, begin: string, end: string) => `${begin}${capabilityTable(passed)}\n${end}`);
  expect(made).toContain('<!-- what each combination can do -->');
  await expect(made).toMatchFileSnapshot(README.pathname);
});
