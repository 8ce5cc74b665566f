/** The port to plugins: executables and URLs that the config names (contract/plugin.ts has what they are given and answer). */
import type { Notification } from '../../contract/notification.js';
import type { CloudAnswer, CloudRequest } from '../../contract/plugin.js';

/** A plugin as the config of a project names it. */
export interface PluginPlace {
  /** An https URL (http on this machine), a path, or the name of a program on the worker's PATH. */
  plugin: string;
  /** Absolute path of the project: a plugin's relative path begins there, and a program runs there. */
  working_directory: string;
}

export interface Plugins {
  /** Hands over one document and looks at nothing but whether it was taken. @throws PluginFailed */
  deliver(place: PluginPlace, document: object): Promise<void>;
  /** @throws PluginFailed, also for an answer that is none of the contract; `failed` is an answer */
  askCloud(place: PluginPlace, request: CloudRequest, signal?: AbortSignal): Promise<CloudAnswer>;
}

/** @param variable the name of the environment variable that holds the webhook, for messages @throws PluginFailed */
export type PostNotification = (url: string | undefined, variable: string, notification: Notification) => Promise<void>;

export type PluginFailure =
  | 'not_allowed'
  | 'not_started'
  | 'exit_code'
  | 'ended_by_signal'
  | 'timeout'
  | 'unreachable'
  | 'http_status'
  | 'too_much_output'
  | 'not_json'
  | 'not_an_answer';

/**
 * A plugin did not take a document, or did not answer by the contract. The message quotes at most the last line of a program's
 * stderr, nothing of an answer.
 */
export class PluginFailed extends Error {
  override readonly name = 'PluginFailed';
  constructor(
    readonly failure: PluginFailure,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** How much of an answer is read, and for how long. */
export interface Limits {
  timeoutMs: number;
  /** Bytes; null: the answer is not looked at. */
  answerBytes: number | null;
  signal?: AbortSignal;
}
