/** An application that inserts without a pause and remembers what was acknowledged to it. */
import pg from 'pg';
import { sleep } from '../support/stack.js';

export class Writer {
  readonly acknowledged: { id: number; at: number }[] = [];
  #stopped = false;
  #running: Promise<void>;

  constructor(private readonly url: string) {
    this.#running = this.#run();
  }

  /** Something was acknowledged. */
  async began(): Promise<void> {
    while (this.acknowledged.length === 0) await sleep(20);
  }

  /** @returns the ids that the server said are saved. */
  async stop(): Promise<number[]> {
    this.#stopped = true;
    await this.#running;
    return this.acknowledged.map(({ id }) => id);
  }

  async #run(): Promise<void> {
    let client: pg.Client | null = null;
    // An id that was refused, or whose answer never came, is not used again.
    for (let id = 1; !this.#stopped; id += 1) {
      try {
        client ??= await this.#connect();
        await client.query('INSERT INTO orders (id) VALUES ($1)', [id]);
        this.acknowledged.push({ id, at: Date.now() });
        await sleep(10);
      } catch {
        await client?.end().catch(() => {});
        client = null;
        await sleep(50);
      }
    }
    await client?.end().catch(() => {});
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url, application_name: 'shop' });
    client.on('error', () => {});
    await client.connect();
    return client;
  }
}
