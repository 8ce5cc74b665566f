/** Reads one statement from left to right. */
import { is, isName, nameIn, type Token } from './tokens.js';

export class Reader {
  at = 0;
  constructor(readonly tokens: readonly Token[]) {}

  get next(): Token | undefined {
    return this.tokens[this.at];
  }

  /** Goes over these words, where they stand here, all of them. */
  take(...words: string[]): boolean {
    if (!words.every((word, index) => is(this.tokens[this.at + index], word))) return false;
    this.at += words.length;
    return true;
  }

  /** A name, perhaps with a schema before it. `main` says nothing; another schema stays, as part of the name. */
  name(): string | null {
    const first = this.next;
    if (!isName(first)) return null;
    this.at += 1;
    if (!is(this.next, '.') || !isName(this.tokens[this.at + 1])) return nameIn(first);
    const second = nameIn(this.tokens[this.at + 1]!);
    this.at += 2;
    return nameIn(first).toLowerCase() === 'main' ? second : `${nameIn(first)}.${second}`;
  }

  /** The tokens inside the bracket that opens here, told apart by the commas of its level. Null where none opens. */
  list(): Token[][] | null {
    if (!this.take('(')) return null;
    const parts: Token[][] = [[]];
    for (let depth = 1; this.at < this.tokens.length; this.at += 1) {
      const token = this.next!;
      if (is(token, '(')) depth += 1;
      if (is(token, ')')) depth -= 1;
      if (depth === 0) {
        this.at += 1;
        return parts;
      }
      if (depth === 1 && is(token, ',')) parts.push([]);
      else parts.at(-1)!.push(token);
    }
    return parts;
  }

  /** The rest up to a keyword of this level, or the end. */
  upTo(word: string): Token[] {
    const from = this.at;
    for (let depth = 0; this.at < this.tokens.length; this.at += 1) {
      const token = this.next!;
      if (is(token, '(')) depth += 1;
      if (is(token, ')')) depth -= 1;
      if (depth === 0 && is(token, word)) break;
    }
    return this.tokens.slice(from, this.at);
  }
}
