/** Why a program ended badly, in words that hold no value: what it says itself may hold anything. */
import { ScriptError, type ScriptFailure } from '../../database/contract.js';
import { redactor } from '../../redact.js';
import { maskedTail } from '../../seed/mask-output.js';
import type { ProgramEnd, SentStatement } from './process.js';
import type { ProgramSystem } from './system.js';

export interface Told { failure: ScriptFailure; detail: string }

const nowhere = { sqlState: null, line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false };
/** As PostgreSQL calls a statement that was cancelled; for the time that a whole migration may take. */
const CANCELLED = '57014';

export async function toldOf(end: ProgramEnd, system: ProgramSystem, { secrets, timeoutSeconds }: { secrets: readonly string[]; timeoutSeconds: number }): Promise<Told> {
  const failure = await failureOf(end, system, timeoutSeconds, redactor(secrets));
  return { failure, detail: redactor(secrets)(detailOf(end)) };
}

async function failureOf(end: ProgramEnd, system: ProgramSystem, seconds: number, redact: (text: string) => string): Promise<ScriptFailure> {
  const { word, exit, timedOut, statements } = end;
  const last = statements.findLast(({ state }) => state !== 'done') ?? null;
  const place = last === null ? nowhere : { ...nowhere, statement: await system.mask(last.sql), statementIndex: statements.indexOf(last) };
  if (timedOut) return { ...place, sqlState: CANCELLED, message: `it ran longer than ${seconds} seconds and was ended` };
  if (word === null || word.kind === 'done') return { ...place, message: `its process ended before it was over (${exit})${says(end, redact)}` };
  if (word.kind === 'changed') return { ...nowhere, message: 'a file is not as it was when the plan was made; it was not run' };
  if (word.kind === 'unusable') return { ...nowhere, message: word.message };
  const { thrown } = word;
  if (thrown.driver) {
    const { failure } = await system.failure(thrown.driver, last?.sql ?? '');
    // A number of the statement tells nothing about a line of the program.
    return { ...failure, connectionLost: false, line: thrown.line, statementIndex: place.statementIndex, statement: place.statement ?? failure.statement };
  }
  const said = maskedTail(redact(thrown.message)).replaceAll('\n', ' ');
  return { ...nowhere, line: thrown.line, message: `it threw ${thrown.name}${said === '' ? '' : `: ${said}`}` };
}

function says({ output }: ProgramEnd, redact: (text: string) => string): string {
  const tail = maskedTail(redact(output));
  return tail === '' ? '' : `; it printed: ${tail.slice(-300).replaceAll('\n', ' ')}`;
}

/** Everything, for a file of mode 0600. */
function detailOf({ word, exit, output, statements }: ProgramEnd): string {
  const sent = statements.map(({ sql, state }) => `[${state}] ${sql}`);
  const thrown = word?.kind === 'failed' ? [`${word.thrown.name}: ${word.thrown.message}`, word.thrown.stack, ...Object.entries(word.thrown.driver?.fields ?? {}).map(([name, text]) => `${name}: ${text}`)] : [];
  return [`Ended with ${exit}`, ...thrown, 'Statements:', ...sent, 'Output:', output].join('\n');
}

export const asScriptError = ({ failure, detail }: Told) => new ScriptError(failure, detail);

/** In words, for people. */
export async function inWords(statements: readonly Pick<SentStatement, 'sql' | 'state'>[], system: ProgramSystem): Promise<string[]> {
  const lines: string[] = [];
  for (const { sql, state } of statements) lines.push(`${state === 'done' ? 'ran' : 'was running, and may have run'}: ${await system.mask(sql)}`);
  return lines;
}
