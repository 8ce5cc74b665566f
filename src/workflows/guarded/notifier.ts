/**
 * Tells the webhook, where one is configured, by a child that outlives us (notify.ts). Never throws, and waits for nothing but
 * Temporal's own word that it was told.
 */
import { CancellationScope, getExternalWorkflowHandle, ParentClosePolicy, startChild, workflowInfo } from '@temporalio/workflow';
import type { Notification, NotificationEvent, NotificationFacts, Settings } from '../../contract/index.js';
import { NOTIFY_WORKFLOW } from '../../contract/names.js';
import { tellSignal, type Told } from '../messages.js';
import type { NotifyInput } from '../notify.js';
import { goneText } from './notification-texts.js';

/** What all notifications of an operation say. */
export interface About {
  operationId: string;
  operation: string;
  settings: Settings;
  requestedBy: string;
}

type Facts = Omit<NotificationFacts, 'event' | 'record_id' | 'operation_id' | 'operation' | 'environment' | 'requested_by' | 'workflow_url' | 'at'>;
export interface Said {
  event: NotificationEvent;
  text: string;
  facts?: Facts;
}

export class Notifier {
  readonly #configured: boolean;
  #last: Promise<void> = Promise.resolve();
  #told = 0;

  /** @param started id of the child where it was started by who began us */
  constructor(
    private readonly about: About,
    private started: string | null = null,
  ) {
    this.#configured = (about.settings.integration?.notify_url_env ?? null) !== null;
  }

  /** Where a part of the operation that runs by itself goes on telling; null: nowhere. */
  get workflowId(): string | null {
    return this.started;
  }

  /** @param remind once at a time, or again and again until something else is told */
  tell(said: Said, remind: { at: string | null; said: Said } | null = null): Promise<void> {
    if (!this.#configured) return this.#last;
    return this.#enqueue({
      from: workflowInfo().workflowId,
      notification: this.#notification(said),
      remind: remind === null ? null : { at: remind.at, notification: this.#notification(remind.said) },
    });
  }

  /** From now on `workflowId` tells; without a word, it is looked whether it still runs. */
  handOver(workflowId: string): Promise<void> {
    return this.#configured ? this.#enqueue({ from: workflowId, notification: null, remind: null }) : this.#last;
  }

  #enqueue(told: Told): Promise<void> {
    // One after the other: the first one starts the child.
    this.#last = this.#last.then(() => CancellationScope.nonCancellable(() => this.#send(told))).catch(() => {});
    return this.#last;
  }

  async #send(told: Told): Promise<void> {
    if (this.started !== null) return getExternalWorkflowHandle(this.started).signal(tellSignal, told);
    const workflowId = `faber-db/notify/${workflowInfo().workflowId}/${workflowInfo().runId}`;
    const input: NotifyInput = { settings: this.about.settings, queue: [told], gone: this.#notification({ event: 'ended_from_outside', text: goneText(this.about) }) };
    await startChild(NOTIFY_WORKFLOW, {
      workflowId,
      args: [input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `Notifications of ${this.about.operation} ${this.about.settings.environment}`.slice(0, 180),
    });
    this.started = workflowId;
  }

  #notification({ event, text, facts }: Said): Notification {
    const { operationId, operation, settings, requestedBy } = this.about;
    const { workflowId, runId } = workflowInfo();
    this.#told += 1;
    const url = workflowUrl(settings, operationId);
    return {
      text: (url === null ? text : `${text}\n${url}`).slice(0, 3000),
      faber_db: {
        event, record_id: `${workflowId}/${runId}/${this.#told}`, operation_id: operationId, operation, environment: settings.environment, requested_by: requestedBy,
        ...facts, ...(url === null ? {} : { workflow_url: url }), at: new Date().toISOString(),
      },
    };
  }
}

/** The page of an operation in the Web UI, where the config says where that is. */
export function workflowUrl(settings: Settings, operationId: string): string | null {
  const ui = settings.integration?.temporal_ui ?? null;
  return ui === null ? null : `${ui}/namespaces/${encodeURIComponent(workflowInfo().namespace)}/workflows/${encodeURIComponent(operationId)}`;
}
