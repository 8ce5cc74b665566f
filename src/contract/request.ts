/** Parses requests: the door that the client, the CLI and the worker share. */
import { isDeeperThan, MAX_DEPTH } from './depth.js';
import { FaberError } from './failure.js';
import { describeIssue, type Issue } from './issues.js';
import { nearest } from './nearest.js';
import { OperationName, OperationParameters, RequestEnvelope, type Request } from './operation.js';
import { secretIn } from './secrets-in-text.js';

const ENVELOPE_KEYS = Object.keys(RequestEnvelope.shape);

function invalid(message: string, suggestions: string[]): FaberError {
  return new FaberError({ code: 'invalid_request', message, suggestions });
}

const quoted = (name: string) => (secretIn(name) ? 'one that looks like a secret' : `'${name.length > 60 ? `${name.slice(0, 57)}…` : name}'`);

function meant(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near ? ` Did you mean '${near}'?` : '';
}

function fromIssues(issues: readonly Issue[], root: unknown, prefix: readonly PropertyKey[], known: readonly string[], of: string): FaberError {
  const sentences = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `Unknown key ${quoted(key)} in ${of}.${meant(key, known)}`)
      : [describeIssue(issue, root, prefix)],
  );
  const [first = 'The request is invalid', ...rest] = sentences;
  return invalid(first, [...rest, `Allowed in ${of}: ${known.join(', ')}`]);
}

function parseEnvelope(raw: unknown) {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw invalid('The request is not a JSON object', ['Example: {"operation": "migrate", "parameters": {"environment": "staging"}}']);
  }
  if (isDeeperThan(raw, MAX_DEPTH)) throw invalid(`The request is nested deeper than ${MAX_DEPTH} levels`, []);
  const { parameters } = raw as { parameters?: unknown };
  // Parsed JSON can have this key, and zod leaves it out without a word.
  if (typeof parameters === 'object' && parameters !== null && Object.hasOwn(parameters, '__proto__')) throw invalid("Unknown key '__proto__' in parameters.", []);
  const parsed = RequestEnvelope.safeParse(raw);
  if (!parsed.success) throw fromIssues(parsed.error.issues, raw, [], ENVELOPE_KEYS, 'the request');
  return parsed.data;
}

function workingDirectory(beside: string | undefined, inside: unknown, fallback: string | undefined): unknown {
  if (beside !== undefined && inside !== undefined && beside !== inside) {
    throw invalid('working_directory stands beside operation and in parameters, with different values', ['Give it once, or the same in both places']);
  }
  return inside ?? beside ?? fallback;
}

/** Which operation and environment a request names, as far as it can be read. For answers to a request that is wrong elsewhere. */
export function namedIn(raw: unknown): { operation?: OperationName; environment?: string } {
  if (typeof raw !== 'object' || raw === null) return {};
  const { operation, parameters } = raw as { operation?: unknown; parameters?: { environment?: unknown } | null };
  const name = OperationName.safeParse(operation);
  const environment = parameters?.environment;
  return {
    ...(name.success ? { operation: name.data } : {}),
    ...(typeof environment === 'string' && environment.length <= 100 && !secretIn(environment) ? { environment } : {}),
  };
}

/** Who asks, by the request's own word. */
export function requesterIn(raw: unknown): string | undefined {
  return parseEnvelope(raw).requested_by;
}

/**
 * Validates a request and fills in defaults. The directory may stand in `parameters` or beside `operation`.
 * @param defaults.workingDirectory absolute path, used where the request names none
 * @throws FaberError invalid_request, naming what is wrong, the nearest known name, and what is allowed.
 */
export function parseRequest(raw: unknown, defaults: { workingDirectory?: string } = {}): Request {
  const envelope = parseEnvelope(raw);
  const name = OperationName.safeParse(envelope.operation);
  if (!name.success) {
    throw invalid(`Unknown operation ${quoted(envelope.operation)}.${meant(envelope.operation, OperationName.options)}`, [
      `Allowed: ${OperationName.options.join(', ')}`,
    ]);
  }
  const operation = name.data;
  const schema = OperationParameters[operation];
  const directory = workingDirectory(envelope.working_directory, envelope.parameters['working_directory'], defaults.workingDirectory);
  const given = { ...envelope.parameters, ...(directory === undefined ? {} : { working_directory: directory }) };
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    throw fromIssues(parsed.error.issues, given, ['parameters'], Object.keys(schema.shape), `parameters of ${operation}`);
  }
  if (parsed.data.working_directory === undefined) {
    throw invalid('working_directory is missing (the absolute path of the project on the worker)', ['Give it in parameters or beside operation']);
  }
  return { operation, parameters: parsed.data } as Request;
}
