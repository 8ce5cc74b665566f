/** Settings of a server as a table: what a restore resets, read from the original, set again, and compared afterwards. */

/** One setting of `Source`; `Restore` and `Modify` are the requests that can set it. */
export interface Setting<Source, Restore, Modify> {
  /** In words. */
  what: string;
  /** As people read it, and as it is compared; undefined: not set. */
  of: (source: Source) => string | undefined;
  /** Set by the request that restores. Absent: that cannot set it. */
  restore?: (source: Source) => Partial<Restore>;
  /** Set afterwards, where a restored one has it otherwise. */
  modify?: (source: Source) => Partial<Modify>;
}

type Table<Source, Restore, Modify> = readonly Setting<Source, Restore, Modify>[];

export function describe<S, R, M>(table: Table<S, R, M>, source: S): string {
  return table.flatMap(({ what, of }) => { const value = of(source); return value === undefined ? [] : [`${what} ${value}`]; }).join(', ');
}

export function toRestore<S, R, M>(table: Table<S, R, M>, source: S): Partial<R> {
  return Object.assign({}, ...table.flatMap(({ of, restore }) => (restore === undefined || of(source) === undefined ? [] : [restore(source)]))) as Partial<R>;
}

/** What is otherwise and can be set; null: nothing. */
export function toModify<S, R, M>(table: Table<S, R, M>, made: S, like: S): Partial<M> | null {
  const asked = table.flatMap(({ of, modify }) => (modify === undefined || of(made) === of(like) ? [] : [modify(like)]));
  return asked.length === 0 ? null : (Object.assign({}, ...asked) as Partial<M>);
}

export function deviations<S, R, M>(table: Table<S, R, M>, made: S, like: S): string[] {
  return table.flatMap(({ what, of }) => (of(made) === of(like) ? [] : [`${what}: ${of(made) ?? 'not set'} instead of ${of(like) ?? 'not set'}`]));
}

export const yes = (value: boolean | undefined): string | undefined => (value === undefined ? undefined : value ? 'on' : 'off');
export const list = (values: readonly (string | undefined)[] | undefined): string | undefined => (values === undefined || values.length === 0 ? undefined : values.map(String).sort().join(' '));
export const text = (value: string | number | undefined): string | undefined => (value === undefined || value === '' ? undefined : String(value));
