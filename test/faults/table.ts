/** The results of a run as a Markdown table: places down, faults across. */
import { afterAll } from 'vitest';

export interface Row {
  release: string;
  place: string;
  fault: string;
  held: boolean;
  seconds: number;
}

/** Prints the table when the file's tests are over. Rows are added while they run; of several in a cell all must have held. */
export function printed(rows: readonly Row[], faults: readonly string[], seed: number, places?: readonly string[]): void {
  afterAll(() => {
    const shown = faults.filter((fault) => rows.some((row) => row.fault === fault));
    console.log(`\n${table(rows, places ?? rows.map((row) => row.place).sort(), shown)}\n\nseed ${seed}: ${rows.filter((r) => r.held).length} of ${rows.length} held`);
  });
}

function table(rows: readonly Row[], places: readonly string[], faults: readonly string[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const cell = (place: string, fault: string) => {
    const found = rows.filter((r) => r.place === place && r.fault === fault);
    if (found.length === 0) return '–';
    const held = found.filter((row) => row.held).length;
    if (held < found.length) return `**${found.length - held} of ${found.length} broke**`;
    return found.length === 1 ? 'held' : `${held} held`;
  };
  const shown = [...new Set(places)].filter((place) => rows.some((row) => row.place === place));
  return [line(['stands at', ...faults]), line(['---', ...faults.map(() => '---')]), ...shown.map((place) => line([place, ...faults.map((fault) => cell(place, fault))]))].join('\n');
}
