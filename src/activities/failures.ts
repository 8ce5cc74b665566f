/** The one place where errors of handlers become failures of Temporal. */
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { FaberError, type FailureFacts } from '../contract/failure.js';
import { PluginFailed } from '../handlers/integration/contract.js';
import { redactor } from '../handlers/redact.js';

/** The outcome of a changing step is unknown: the next attempt takes the fence, reads the ledger and goes on from there. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';
}

/**
 * What broke because the attempt was ended (a cancel, a deploy, a newer attempt) is a symptom. The abort is what is told: a
 * cancel is then answered as one, and after a deploy the next worker goes on, where a failure would begin an undo.
 */
export function handedOver(error: unknown): unknown {
  const { cancellationSignal } = Context.current();
  return cancellationSignal.aborted ? cancellationSignal.reason : error;
}

/**
 * @param secrets what must not appear in any text; facts of FaberError are clean already, anything else is not trusted
 * @param goOn a database that cannot be reached for the moment is tried again: always, or unless it is there and only full
 */
export function toFailure(error: unknown, secrets: readonly string[], goOn: boolean | 'unless full'): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  const redact = redactor(secrets);
  if (error instanceof FaberError) {
    const facts: FailureFacts = {
      code: error.code,
      message: redact(error.message),
      ...(error.result ? { result: JSON.parse(redact(JSON.stringify(error.result))) as Record<string, unknown> } : {}),
      suggestions: error.suggestions.map(redact),
    };
    const { lasting, full } = error.result ?? {};
    const again = goOn !== false && facts.code === 'health_check_failed' && lasting !== true && !(goOn === 'unless full' && full === true);
    return clean(ApplicationFailure.create({ message: facts.message, type: facts.code, nonRetryable: !again, details: [facts] }));
  }
  if (error instanceof OutcomeUnknown) {
    return clean(ApplicationFailure.create({ message: redact(error.message), type: 'outcome_unknown', nonRetryable: false }));
  }
  if (error instanceof PluginFailed) {
    const facts: FailureFacts = { code: 'plugin_failed', message: redact(error.message), result: { failure: error.failure } };
    // Plugins come and go: the retry policy says how often it is worth trying.
    return clean(ApplicationFailure.create({ message: facts.message, type: facts.code, nonRetryable: false, details: [facts] }));
  }
  // A fault of ours or of the surroundings: its text may quote anything, so only its kind travels.
  const kind = error instanceof Error ? error.constructor.name : typeof error;
  const code = (error as { code?: unknown } | null)?.code;
  const detail = typeof code === 'string' ? ` (${code.slice(0, 40)})` : '';
  return clean(ApplicationFailure.create({ message: redact(`${kind}${detail} in ${Context.current().info.activityType}; the worker's log has the place`), type: 'internal', nonRetryable: false }));
}

/** The stack repeats messages of causes; the place of a failure is in the worker's log instead. */
function clean(failure: ApplicationFailure): ApplicationFailure {
  failure.stack = '';
  return failure;
}

/** Stack frames without the message: where it happened, and nothing of what it said. */
export function framesOf(error: unknown): string[] {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return stack.split('\n').filter((line) => /^\s+at /.test(line)).slice(0, 12).map((line) => line.trim());
}
