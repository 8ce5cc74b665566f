/** Texts that people are shown: of any origin, so of any size, until they come through here. */

/** Longer than any text of ours; what somebody else wrote may be quoted in it. */
const LONGEST = 4_096;
const MOST = 25;

export const boundedText = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** The first ones; the rest is counted, so that a flood neither fills a history nor looks complete. */
export function boundedTexts(texts: readonly string[]): string[] {
  const kept = texts.slice(0, MOST).map(boundedText);
  return texts.length > MOST ? [...kept, `… and ${texts.length - MOST} more`] : kept;
}
