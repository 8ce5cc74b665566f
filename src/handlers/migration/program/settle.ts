/** Changes of the ledger without running a migration, by the tool itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../contract/failure.js';
import type { Migration, StepContext } from '../contract.js';
import { asScriptError, toldOf } from './failure.js';
import { writeMark } from './mark.js';
import type { Job, ProgramStep } from './messages.js';
import { runOnDatabase, stepOf, type Programs } from './session.js';
import { stateOf, succeeded } from './step.js';

const PAUSE_MS = 500;

type Recorded = Pick<Migration, 'name' | 'up'>;

/** Creates the tool's tables where they are missing; a lock that a killed runner left is taken back. @throws FaberError lock_timeout */
export async function ensureLedger(programs: Programs, context: StepContext): Promise<void> {
  await releaseLock(programs, context);
  if ((await stateOf(programs, context)).rows === null) await inLedger(programs, [], context, async () => {});
}

/** All or none. */
export async function baseline(programs: Programs, migrations: readonly Recorded[], context: StepContext): Promise<void> {
  const there = new Set((await stateOf(programs, context)).rows?.map(({ name }) => name));
  const steps = migrations.filter(({ name }) => !there.has(name)).map(({ name }) => recordOnly(context, name, 'up'));
  if (steps.length > 0) await inLedger(programs, steps, context, async () => {});
}

/** The step that began it is ended in the name of the operation that it is of: whoever settles it did not apply it. */
export async function resolve(programs: Programs, migration: Recorded, as: 'applied' | 'rolled_back', context: StepContext): Promise<void> {
  const { rows, last } = await stateOf(programs, context);
  const begun = last.get(migration.name);
  if (begun?.action !== 'started') return;
  const isThere = rows?.some(({ name }) => name === migration.name) ?? false;
  const steps = isThere === (as === 'applied') ? [] : [recordOnly(context, migration.name, as === 'applied' ? 'up' : 'down')];
  await inLedger(programs, steps, context, (session) =>
    programs.system.recordStep(session, { operation_id: begun.operation_id, migration: migration.name, action: as === 'applied' ? 'applied' : 'reverted', ledgerId: writeMark({ ...begun.mark, differs: true }) }));
}

const recordOnly = ({ settings }: StepContext, name: string, direction: ProgramStep['direction']) => stepOf(settings, { name, file: '' }, direction, true);

async function inLedger(programs: Programs, steps: ProgramStep[], context: StepContext, also: (session: Parameters<Programs['system']['recordStep']>[0]) => Promise<void>): Promise<void> {
  const { system } = programs;
  let held: Awaited<ReturnType<typeof system.enter>>;
  const job: Job = { kind: 'run', groups: [{ transactional: true, steps }], files: [], scratch: false };
  const end = await runOnDatabase(programs, {
    ...context, job,
    async around({ moment }, session) {
      if (moment === 'before') {
        held = await system.enter(session, context.fence, context);
        return;
      }
      await also(session);
      await system.leave(session, context.fence, held, null);
    },
  });
  if (!succeeded(end)) throw asScriptError(await toldOf(end, system, { secrets: end.secrets, timeoutSeconds: context.timeoutSeconds }));
}

/**
 * Some tools keep a flag in a row while they migrate, which a killed runner leaves. It is taken back when nobody can be at work: no session
 * but ours is in the database, or the flag is of a step of ours, whose sessions the fence has ended.
 */
async function releaseLock(programs: Programs, context: StepContext): Promise<void> {
  const { tool } = programs;
  if (tool.lockTable === null) return;
  const table = tool.lockTable(context.settings.migrations.table);
  for (const end = Date.now() + context.lockTimeoutSeconds * 1000; ; ) {
    const found = await lookAtLock(programs, table, context);
    if (!found.locked) return;
    if (found.abandoned) {
      await runOnDatabase(programs, { ...context, job: { kind: 'unlock' } });
      return;
    }
    if (Date.now() > end) throw locked(programs, table, context);
    context.onWait?.(`Waiting for another runner of ${tool.title}, by its row in ${table}`);
    await sleep(PAUSE_MS, undefined, { signal: context.signal });
  }
}

async function lookAtLock(programs: Programs, table: string, context: StepContext): Promise<{ locked: boolean; abandoned: boolean }> {
  const { database, system } = programs;
  const { last } = await stateOf(programs, context);
  const session = await database.connect(context.target, 'read ledger');
  try {
    if (!(await system.isLocked(session, context.target.schema, table))) return { locked: false, abandoned: false };
    const ours = [...last.values()].some(({ action }) => action === 'started');
    return { locked: true, abandoned: ours || (await system.foreignSessions(session)) === 0 };
  } finally {
    await session.close();
  }
}

function locked({ tool }: Programs, table: string, { lockTimeoutSeconds }: StepContext): FaberError {
  return new FaberError({
    code: 'lock_timeout',
    message: `Another runner of ${tool.title} holds its lock (the row in ${table}) for more than ${lockTimeoutSeconds} s, or was killed and left it: with other sessions in the database that cannot be told apart. Nothing was changed.`,
    suggestions: [`If none runs: npx ${tool.name} migrate:unlock`],
  });
}
