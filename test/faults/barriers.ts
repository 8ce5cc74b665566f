/** The other side of src/handlers/barrier.ts: a test arms a point, waits until an operation stands there, lets it go on. */
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../support/stack.js';

export class Barriers {
  constructor(readonly folder: string) {}

  /** @param passes how many come by before it stops one */
  async arm(point: string, passes = 0): Promise<void> {
    for (const state of ['reached', 'go']) await rm(join(this.folder, `${point}.${state}`), { force: true });
    // At once: half written, it would stop the first.
    await writeFile(join(this.folder, `.${point}`), String(passes));
    await rename(join(this.folder, `.${point}`), join(this.folder, `${point}.stop`));
  }

  async open(point: string): Promise<void> {
    await writeFile(join(this.folder, `${point}.go`), '');
  }

  async reached(point: string, seconds = 120): Promise<void> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(20)) {
      if (existsSync(join(this.folder, `${point}.reached`))) return;
    }
    throw new Error(`nothing came to ${point} within ${seconds} s`);
  }
}
