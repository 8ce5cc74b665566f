/** The signals of a run, read from its history page by page and no further than they are asked for. */
import type { Client, WorkflowHandle } from '@temporalio/client';

export type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** Events a page, to begin with: a signal may be 2 MiB large, and a message of a client may have to be smaller than 4 MiB. */
const PAGE = 64;
/** gRPC: the page does not fit into a message. */
const RESOURCE_EXHAUSTED = 8;

type Page = (size: number, token: Uint8Array | null) => Promise<{ events: readonly HistoryEvent[]; next: Uint8Array | null }>;

/** To be asked one question at a time. */
export class SignalHistory {
  /** The event of the start, once anything was read. */
  #first: HistoryEvent | null = null;
  readonly #signals = new Map<string, HistoryEvent[]>();
  #token: Uint8Array | null = null;
  #size = PAGE;
  #ended = false;

  /** @param names of the signals that may be asked for: a history of 50 MiB of others is not kept */
  constructor(
    private readonly page: Page,
    names: readonly string[],
  ) {
    for (const name of names) this.#signals.set(name, []);
  }

  static of(client: Client, execution: { workflowId: string; runId: string }, names: readonly string[]): SignalHistory {
    const { namespace } = client.options;
    return new SignalHistory(async (maximumPageSize, token) => {
      const { history, nextPageToken } = await client.workflowService.getWorkflowExecutionHistory({ namespace, execution, maximumPageSize, ...(token === null ? {} : { nextPageToken: token }) });
      return { events: history?.events ?? [], next: nextPageToken && nextPageToken.length > 0 ? nextPageToken : null };
    }, names);
  }

  /** The event that started the run. */
  async first(): Promise<HistoryEvent | null> {
    while (this.#first === null && !this.#ended) await this.#read();
    return this.#first;
  }

  /** The nth signal of that name (from 1), or null when there are fewer. */
  async nth(name: string, nth: number): Promise<HistoryEvent | null> {
    const found = this.#signals.get(name) ?? [];
    while (found.length < nth && !this.#ended) await this.#read();
    return found[nth - 1] ?? null;
  }

  async #read(): Promise<void> {
    const page = await this.page(this.#size, this.#token).catch((error: unknown) => {
      if (this.#size === 1 || (error as { code?: unknown }).code !== RESOURCE_EXHAUSTED) throw error;
      return null;
    });
    // The same place again, in smaller pages.
    if (page === null) return void (this.#size = Math.max(1, Math.floor(this.#size / 4)));
    this.#size = Math.min(PAGE, this.#size * 2);
    for (const event of page.events) {
      this.#first ??= event;
      const name = event.workflowExecutionSignaledEventAttributes?.signalName;
      if (name != null) this.#signals.get(name)?.push(event);
    }
    this.#token = page.next;
    this.#ended = page.next === null;
  }
}
