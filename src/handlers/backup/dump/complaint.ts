/** What a child process said about its failure, without row values and secrets. */
import { redactor } from '../../redact.js';
import type { Exit } from './process.js';

/**
 * One sentence about why a program failed. Only lines that the program itself begins are taken: DETAIL, CONTEXT and
 * "Command was" follow on lines of their own and hold row values. Quoted values that are no object names are masked.
 */
export function complaint(exit: Exit, secrets: readonly string[]): string {
  const ended = exit.signal !== null ? `ended by ${exit.signal}` : exit.code !== null ? `exit code ${exit.code}` : 'never started';
  const lines = exit.stderr
    .split('\n')
    .filter((line) => line.startsWith(`${exit.name}: `) && !/^\S+: (detail|hint|warning):/.test(line))
    .map((line) => line.slice(exit.name.length + 2).replace(/^error: /, ''));
  const said = lines.length > 0 ? `: ${maskValues(lines.slice(-2).join('; '))}` : '';
  return redactor(secrets)(`${exit.name} failed (${ended})${said}`).slice(0, 600);
}

/** `invalid input syntax for type integer: "abc"`: what follows the last colon in quotes is data, not a name. */
function maskValues(text: string): string {
  return text.replace(/(:\s+)"[^"]*"(?=$|;)/g, '$1"…"').replace(/'(?:[^']|'')*'/g, "'…'");
}
