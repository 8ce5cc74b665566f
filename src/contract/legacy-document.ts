/** A raw config while the original plugin's keys are being mapped: reads, moves and raises values, and keeps what must be said. */

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export class LegacyDocument {
  readonly warnings: string[] = [];
  /** Wishes for more safety than there is. */
  readonly unmet: string[] = [];
  /** New path → old path, so that a wrong value is reported where it was written. */
  readonly moved = new Map<string, string>();

  constructor(
    readonly config: Json,
    readonly environment: string,
    readonly isProtected: boolean,
  ) {}

  /** Every place that `pattern` matches, with what stood for each `*` and `<environment>`. */
  places(pattern: string): string[][] {
    let found: { path: string[]; value: unknown }[] = [{ path: [], value: this.config }];
    for (const step of pattern.split('/')) {
      found = found.flatMap(({ path, value }) => {
        if (!isObject(value)) return [];
        const keys = step === '*' || step === '<environment>' ? Object.keys(value) : Object.hasOwn(value, step) ? [step] : [];
        return keys.map((key) => ({ path: [...path, key], value: value[key] }));
      });
    }
    return found.map(({ path }) => path);
  }

  /** Removes and returns a value; parents left empty go as well. */
  take(path: readonly string[]): unknown {
    const parents = [this.config];
    for (const step of path.slice(0, -1)) parents.push(parents.at(-1)?.[step] as Json);
    const last = path.at(-1) ?? '';
    const value = parents.at(-1)?.[last];
    delete parents.at(-1)?.[last];
    // A section of the present schema may be empty; removing it changes nothing either.
    for (let depth = parents.length - 1; depth >= 2; depth -= 1) {
      if (Object.keys(parents[depth] ?? {}).length === 0) delete parents[depth - 1]?.[path[depth - 1] ?? ''];
    }
    return value;
  }

  get(path: readonly string[]): unknown {
    let value: unknown = this.config;
    for (const step of path) value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
    return value;
  }

  private set(path: readonly string[], value: unknown): void {
    let at = this.config;
    for (const step of path.slice(0, -1)) {
      if (!isObject(at[step])) at[step] = {};
      at = at[step] as Json;
    }
    at[path.at(-1) ?? ''] = value;
  }

  /** The value of an old key, under the key that it has now; one that is written there already wins. */
  move(from: string, to: readonly string[], value: unknown): void {
    if (this.get(to) !== undefined) {
      this.warnings.push(`${from} is ignored: ${to.join('.')} says it already`);
      return;
    }
    this.set(to, value);
    this.moved.set(to.join('.'), from);
  }

  /** A default that an old key gives. */
  suggest(path: readonly string[], value: unknown): void {
    if (this.get(path) === undefined) this.set(path, value);
  }

  /** One more entry of a list; a list that is none is left for the schema to refuse. */
  append(path: readonly string[], entry: string): void {
    const list = this.get(path) ?? [];
    if (Array.isArray(list) && !list.includes(entry)) this.set(path, [...(list as unknown[]), entry]);
  }

  /** A safety switch that an old key demands: on, whatever is written at its present place. */
  demand(from: string, path: readonly string[], value: unknown = true): void {
    if (this.get(path) === false) this.warnings.push(`${from} demands ${path.join('.')}: ${String(value)}; that overrides what is written there`);
    this.set(path, value);
  }

  /** The demand in terms of the environment being resolved. */
  demandBackup(from: string): void {
    this.demand(from, ['environments', this.environment, 'backup_before_migrate']);
  }

  warn(text: string): void {
    if (!this.warnings.includes(text)) this.warnings.push(text);
  }

  unmetWish(text: string): void {
    if (!this.unmet.includes(text)) this.unmet.push(text);
  }
}
