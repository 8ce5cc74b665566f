/** Waits until it is so. @throws Error after `seconds`, with what was last seen */
export async function eventually<T>(look: () => Promise<T>, isSo: (seen: T) => boolean, seconds = 60): Promise<T> {
  let last: T;
  const end = Date.now() + seconds * 1000;
  do {
    last = await look();
    if (isSo(last)) return last;
    await new Promise((resolve) => setTimeout(resolve, 100));
  } while (Date.now() < end);
  throw new Error(`waited ${seconds} s in vain; last seen: ${JSON.stringify(last)}`);
}
