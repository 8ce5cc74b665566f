/** The table of what each combination of tool and database system can do, from what the suite found. */
import { CASES } from './cases.js';
import { title, type Combination } from './combination.js';
import { COMBINATIONS } from './matrix.js';

export interface Passed {
  combination: Combination;
  name: string;
  /** It answers that it cannot. */
  refused: boolean;
}

const LEAVES = 'a failed migration leaves';
const EDITED = 'edited files';

export function capabilityTable(passed: readonly Passed[]): string {
  const columns = Object.entries(CASES).flatMap(([name, { column }]) => (column === undefined ? [] : [{ name, column }]));
  const cell = (combination: Combination, { name, column }: (typeof columns)[number]) => {
    // What is about the database alone ran with another tool.
    const ran = passed.find((one) => one.name === name && (one.combination === combination || (CASES[name]!.about === 'database' && one.combination.system === combination.system)));
    if (ran === undefined) return 'failed';
    if (ran.refused || (column === EDITED && combination.keepsNoChecksum)) return '–';
    if (column !== LEAVES) return 'yes';
    return combination.leavesHalf === true || !combination.system.rollsBack ? 'what ran, told' : 'nothing';
  };
  const lines = columns.map((column) => [column.column, ...COMBINATIONS.map((combination) => cell(combination, column))]);
  return [['', ...COMBINATIONS.map(title)], ['---', ...COMBINATIONS.map(() => '---')], ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
