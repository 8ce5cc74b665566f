/** Answers as commands print them: JSON for programs, text for people, and commands in them as we were started. */
import type { ErrorResponse, Response } from '../../contract/response.js';
import { printable } from '../terminal-text.js';
import { printJson, sayTo, type Io } from './io.js';

/** A command of ours inside a text: at its beginning, in backticks, after a colon. */
const COMMAND = /(^|[`:(] ?)faber-db (?=(?:run|phase|migrate|preview|rollback|rollback-to|restore|seed|reset|initialize-database|backup|generate-migration|status|health-check|list-backups|cleanup|verify|schedule|approve|reject|decide|watch|list|cancel|worker|dev|init|--help)\b)/g;

/** A text whose commands of ours run as printed, however this program was started. */
export function runnableText(text: string, invokedAs: string): string {
  return invokedAs === 'faber-db' ? text : text.replace(COMMAND, (_, before: string) => `${before}${invokedAs} `);
}

/** Commands in `recovery` must run as printed, however this program was started. */
export function withRunnableCommands<R extends Response>(response: R, invokedAs: string): R {
  if (response.status !== 'error') return response;
  const runnable = (text: string) => runnableText(text, invokedAs);
  const { recovery } = response;
  return {
    ...response,
    recovery: {
      ...recovery,
      ...(recovery.rollback_command === undefined ? {} : { rollback_command: runnable(recovery.rollback_command) }),
      suggestions: recovery.suggestions.map(runnable),
    },
  };
}

/** Facts of a result in one line each; lists and objects are for `--json`. */
function resultLines(result: Record<string, unknown>): string[] {
  return Object.entries(result)
    .filter(([, value]) => value !== null && typeof value !== 'object')
    .map(([key, value]) => `  ${key.replaceAll('_', ' ')}: ${printable(String(value))}`);
}

/** What each way out costs is told while somebody can choose: in an operation that ended there is none. */
function rollbackLines({ result, waiting_for }: ErrorResponse): string[] {
  const rollback = result?.['rollback'] as { status?: string; by?: string; reason?: string; costs?: Record<string, string> } | undefined;
  if (!rollback?.status) return [];
  return [
    `  undo: ${rollback.status.replaceAll('_', ' ')}${rollback.by ? ` by ${rollback.by}` : ''}`,
    ...(rollback.reason ? [`  because: ${printable(rollback.reason)}`] : []),
    // Only of what is offered: an undo whose down scripts are not usable has a cost too.
    ...Object.entries(rollback.costs ?? {}).filter(([way]) => waiting_for?.some((offered) => offered === way)).map(([way, cost]) => `  ${way}: ${printable(cost)}`),
  ];
}

/** The answer as text. `extra` stands after the facts, for example what to type next. */
export function renderAnswer(response: Response, extra: readonly string[] = []): string {
  if (response.status === 'success') return [printable(response.message), ...resultLines(response.result), ...extra].join('\n');
  if (response.status === 'cancelled') return [`Cancelled: ${printable(response.message)}`, ...extra].join('\n');
  const { recovery } = response;
  return [
    `Error (${response.code}): ${printable(response.error)}`,
    ...resultLines(response.result ?? {}),
    ...rollbackLines(response),
    ...(response.waiting_for ? [`Waits for a decision: ${response.waiting_for.join(', ')}`] : []),
    // While it waits it has the lock: the ways out are its own.
    ...(recovery.rollback_command && !response.waiting_for ? [`To go back: ${printable(recovery.rollback_command)}`] : []),
    ...recovery.suggestions.map((text) => `  - ${printable(text)}`),
    ...extra,
  ].join('\n');
}

/** Prints the answer: JSON on stdout, or text, on stderr when it is an error. */
export function printAnswer(io: Io, response: Response, json: boolean, extra: readonly string[] = []): void {
  const runnable = withRunnableCommands(response, io.invokedAs);
  if (json) printJson(io, runnable);
  else sayTo(response.status === 'error' ? io.stderr : io.stdout, renderAnswer(runnable, extra));
}
