/** A migration that no transaction of the tool holds: marked before, and what stays of it told from what it sent. */
import { FaberError } from '../../../contract/failure.js';
import { barrier } from '../../barrier.js';
import type { ScriptFailure } from '../../database/contract.js';
import type { Migration, StepContext, StepOutcome } from '../contract.js';
import { inWords, toldOf } from './failure.js';
import { isOpen } from './ledger.js';
import { writeMark, type Mark } from './mark.js';
import { filesOf, groupOf, runOnDatabase, type Programs, type RunEnd } from './session.js';
import { isAsTried, markOf, requireLossless, requireSameScript, since, stateOf, succeeded, type Direction, type RevertContext } from './step.js';

/** @throws FaberError fenced_off, target_mismatch, would_lose_data, history_conflict: nothing of this migration ran */
export async function stepOutsideTransaction(programs: Programs, migration: Migration, direction: Direction, context: RevertContext): Promise<StepOutcome> {
  const started = performance.now();
  const { rows, last } = await stateOf(programs, context);
  const isThere = rows?.some(({ name }) => name === migration.name) ?? false;
  const before = last.get(migration.name);
  if (isOpen(before, isThere)) return leftOver(migration, started);
  if (isThere === (direction === 'up')) {
    if (direction === 'up') requireSameScript(migration, before);
    // The tool has written its ledger, and we did not come to our step.
    if (before?.action === 'started') await record(programs, migration, direction, context, before.mark);
    return { status: 'already', duration_ms: since(started) };
  }
  if (context.refuseLosses) await requireLossless(programs, null, migration, await programs.database.bookkeeping.steps(context.target, context.refuseLosses.operationId));
  const mark = await markOf(programs, migration, direction, context);
  await remember(programs, migration.name, 'started', context, mark);
  await barrier('standalone-before-script', context.signal);
  const end = await run(programs, migration, direction, context, mark);
  await barrier('standalone-after-script', context.signal);
  if (await isInLedger(programs, migration, context) === (direction === 'up')) {
    await record(programs, migration, direction, heedless(context), { ...mark, differs: !isAsTried(migration, direction, end.statements) });
    return { status: direction === 'up' ? 'applied' : 'reverted', duration_ms: since(started) };
  }
  return judge(programs, migration, heedless(context), mark, end, started);
}

async function run(programs: Programs, migration: Migration, direction: Direction, context: StepContext, mark: Mark): Promise<RunEnd> {
  const { settings, target, fence, signal, timeoutSeconds } = context;
  let sent: RunEnd['statements'] = [];
  try {
    return await runOnDatabase(programs, {
      target, settings, signal, timeoutSeconds,
      job: { kind: 'run', groups: [groupOf(settings, migration, direction)], files: filesOf(settings, [migration]), scratch: false },
      onEnd: ({ statements }) => (sent = statements),
      async around({ moment }, session) {
        if (moment === 'before') await programs.database.bookkeeping.checkFence(session, fence);
      },
    });
  } catch (error) {
    await settleEnded(programs, migration, direction, heedless(context), mark, sent).catch(() => {
      // Overtaken meanwhile, or out of reach: it stays begun, and whoever comes next has it decided.
    });
    throw error;
  }
}

/** Refused at the door, or ended by a cancel or a deploy: where nothing of it stays, that is recorded while we still can. */
async function settleEnded(programs: Programs, migration: Migration, direction: Direction, context: StepContext, mark: Mark, sent: RunEnd['statements']): Promise<void> {
  if ((await isInLedger(programs, migration, context)) === (direction === 'up')) return record(programs, migration, direction, context, mark);
  if ((await programs.system.lasting(sent)).length > 0) return;
  await remember(programs, migration.name, direction === 'up' ? 'reverted' : 'applied', context, mark);
}

async function judge(programs: Programs, migration: Migration, context: StepContext, mark: Mark, end: RunEnd, started: number): Promise<StepOutcome> {
  const told = succeeded(end)
    ? { failure: plain(`${programs.tool.title} ended without an error, and its ledger does not say that it ran`), detail: end.output }
    : await toldOf(end, programs.system, { secrets: end.secrets, timeoutSeconds: context.timeoutSeconds });
  const stay = await programs.system.lasting(end.statements);
  if (stay.length > 0) return { status: 'failed', ...told, duration_ms: since(started), halfApplied: true, leftovers: await inWords(stay, programs.system) };
  await remember(programs, migration.name, mark.direction === 'up' ? 'reverted' : 'applied', context, mark);
  return { status: 'failed', ...told, duration_ms: since(started), halfApplied: false };
}

function leftOver({ name }: Migration, started: number): StepOutcome {
  const message = `${name} began outside of a transaction, and its end was not recorded`;
  return { status: 'failed', failure: plain(message), detail: message, duration_ms: since(started), halfApplied: true, leftovers: [`What ${name} left is not known: look at the database`] };
}

const plain = (message: string): ScriptFailure => ({ sqlState: null, message, line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false });

async function isInLedger(programs: Programs, { name }: Migration, context: StepContext): Promise<boolean> {
  return ((await stateOf(programs, context)).rows ?? []).some((row) => row.name === name);
}

const record = (programs: Programs, { name }: Migration, direction: Direction, context: StepContext, mark: Mark) =>
  remember(programs, name, direction === 'up' ? 'applied' : 'reverted', context, mark);

/** What has happened is recorded in spite of a cancel. */
const heedless = <C extends StepContext>(context: C): C => ({ ...context, signal: new AbortController().signal });

async function remember({ database }: Programs, migration: string, action: 'started' | 'applied' | 'reverted', context: StepContext, mark: Mark): Promise<void> {
  await database.inTransaction(context.target, context.fence, { ...context, durableLater: false, step: { migration, action, ledgerId: writeMark(mark) } }, async () => {}, async () => {});
}

export function noDown(name: string): FaberError {
  return new FaberError({
    code: 'unsupported',
    message: `${name} has no down, so it cannot be reverted. Nothing was changed.`,
    suggestions: [`Write a down for ${name}, or restore a backup.`],
  });
}
