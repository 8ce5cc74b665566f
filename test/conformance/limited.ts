/** Few at once: each scene has servers and child processes at work, on machines of few cores. */
const AT_ONCE = 3;

let running = 0;
const waiting: (() => void)[] = [];

export async function limited(work: () => Promise<void>): Promise<void> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}
