/** Shows on stderr what an operation does while somebody waits for it. */
import type { OperationState } from '../../contract/view.js';
import { renderWaiting, type RenderOptions } from '../render-plan.js';
import { printable } from '../terminal-text.js';
import { sayTo, type Io } from './io.js';

export class ProgressPrinter {
  readonly #shown = new Set<string>();
  #plan: string | undefined;
  #refused = 0;
  #behind = '';

  constructor(
    private readonly io: Io,
    private readonly options: RenderOptions,
  ) {}

  show = (state: OperationState): void => {
    for (const { at, message } of state.progress) {
      const key = `${at} ${message}`;
      if (this.#shown.has(key)) continue;
      this.#shown.add(key);
      this.#say(`${at.slice(11, 19)}  ${printable(message)}`);
    }
    this.#showQueue(state.waiting_behind);
    if (state.phase === 'waiting_for_approval') this.#showPlan(state);
    this.#showRefusals(state);
  };

  notice = (text: string): void => this.#say(`          ${printable(text)}`);

  #showQueue(behind: readonly string[]): void {
    const text = behind.join(', ');
    if (text !== this.#behind && text !== '') this.notice(`Waits for the database behind ${text}`);
    this.#behind = text;
  }

  #showPlan(state: OperationState): void {
    if (state.plan === null || state.plan.plan_hash === this.#plan) return;
    this.#plan = state.plan.plan_hash;
    this.#say(`\n${renderWaiting(state, this.options)}\n`);
  }

  #showRefusals({ refused, refused_count }: OperationState): void {
    if (refused_count <= this.#refused) return;
    // Those that came with the plan stand in it already.
    const fresh = refused.slice(-(refused_count - this.#refused));
    this.#refused = refused_count;
    for (const { decision, by, reason } of fresh) this.notice(`Decision that did not count: ${decision} by ${by ?? 'nobody named'}: ${reason}`);
  }

  #say(text: string): void {
    sayTo(this.io.stderr, text);
  }
}
