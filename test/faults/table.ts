/** The results of a run as a Markdown table: places down, faults across. */

export interface Row {
  release: string;
  place: string;
  fault: string;
  held: boolean;
  seconds: number;
}

export function table(rows: readonly Row[], places: readonly string[], faults: readonly string[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const cell = (place: string, fault: string) => {
    const row = rows.find((r) => r.place === place && r.fault === fault);
    if (row === undefined) return '–';
    return row.held ? 'held' : '**broke**';
  };
  const shown = [...new Set(places)].filter((place) => rows.some((row) => row.place === place));
  return [line(['stands at', ...faults]), line(['---', ...faults.map(() => '---')]), ...shown.map((place) => line([place, ...faults.map((fault) => cell(place, fault))]))].join('\n');
}
