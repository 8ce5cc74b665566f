/** Times whole actions side by side in one run: A B A B …, so that a machine that changes its speed changes both. */

export interface Pair {
  a: number;
  b: number;
  /** Median of a/b, pair by pair. */
  ratio: number;
}

const median = (values: number[]): number => values.toSorted((x, y) => x - y)[Math.floor(values.length / 2)]!;

export async function seconds(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return (performance.now() - started) / 1000;
}

/** @param prepare run before each action, not timed */
export async function sideBySide(pairs: number, a: (round: number) => Promise<() => Promise<unknown>>, b: (round: number) => Promise<() => Promise<unknown>>): Promise<Pair> {
  const times: { a: number; b: number }[] = [];
  for (let round = 0; round < pairs; round += 1) {
    times.push({ a: await seconds(await a(round)), b: await seconds(await b(round)) });
  }
  return { a: median(times.map((t) => t.a)), b: median(times.map((t) => t.b)), ratio: median(times.map((t) => t.a / t.b)) };
}

export function report(line: string): void {
  process.stdout.write(`BENCH ${line}\n`);
}
