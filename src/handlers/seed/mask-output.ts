/** What of a program's output may be shown: it prints what it likes, values of rows included. */

const LINES = 12;
const CHARACTERS = 1_000;
const QUOTED = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\\n]|\\.)*`/g;
const ADDRESS = /[\w.+-]+@[\w-]+(?:\.[\w-]+)*/g;
/** Colours and cursor movements. Written so that no control character stands in the source. */
const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g');

/**
 * The last lines, whatever stands in quotes and addresses masked. Masked before it is cut, so that no half of a value stays.
 * @param output without credentials
 */
export function maskedTail(output: string): string {
  const masked = output.replace(ESCAPES, '').replace(QUOTED, '***').replace(ADDRESS, '***');
  const lines = masked.split(/\r?\n/).map((line) => line.trimEnd()).filter((line) => line !== '');
  return lines.slice(-LINES).join('\n').slice(-CHARACTERS);
}
