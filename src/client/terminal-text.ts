/** Text of others on a terminal. */

/** One line without control characters: a migration's name must not move the cursor or colour the plan. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
}
