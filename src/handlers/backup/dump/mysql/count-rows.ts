/**
 * Counts the rows in a dump while it is written. MySQL cannot share a snapshot between sessions, and holding the tables until two have
 * been taken makes transactions of the application fail as deadlocks (measured): so the dump itself says what it holds.
 */
const [NEWLINE, QUOTE, BACKSLASH, OPEN, SEMICOLON] = [0x0a, 0x27, 0x5c, 0x28, 0x3b];
/** A line that begins otherwise holds no rows; names are 64 characters at most. */
const LONGEST_HEAD = 400;
const HEAD = /^INSERT INTO `((?:[^`]|``)+)` VALUES/;

/** Gets the bytes in pieces, as they come. In values newlines and quotes are escaped, so a line begins where the dump program begins one. */
export class RowCounter {
  readonly #rows = new Map<string, number>();
  /** The beginning of the line, while it may still be that of an INSERT. */
  #head: number[] | null = [];
  #table: string | null = null;
  #inString = false;
  #escaped = false;
  /** Bodies of routines and triggers are text: what looks like an INSERT there is none. */
  #inBody = false;

  take(piece: Uint8Array): void {
    for (const byte of piece) {
      if (this.#table === null) this.#outside(byte);
      else this.#inside(this.#table, byte);
    }
  }

  /** Rows of every table that has some. */
  get rows(): ReadonlyMap<string, number> {
    return this.#rows;
  }

  #outside(byte: number): void {
    if (byte !== NEWLINE) {
      if (this.#head === null) return;
      this.#head.push(byte);
      if (byte === 0x53 && !this.#inBody) this.#begin();
      if (this.#head !== null && this.#head.length > LONGEST_HEAD) this.#head = null;
      return;
    }
    const line = this.#head === null ? '' : Buffer.from(this.#head).toString('utf8');
    if (line.startsWith('DELIMITER ')) this.#inBody = line.trim() !== 'DELIMITER ;';
    this.#head = [];
  }

  /** At an S: the last letter of VALUES. */
  #begin(): void {
    const name = HEAD.exec(Buffer.from(this.#head!).toString('utf8'))?.[1];
    if (name === undefined) return;
    this.#table = name.replaceAll('``', '`');
    this.#head = null;
  }

  #inside(table: string, byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (this.#inString) {
      if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
    } else if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN) this.#rows.set(table, (this.#rows.get(table) ?? 0) + 1);
    else if (byte === SEMICOLON) this.#table = null;
  }
}
