/** `faber-db approve` as a person at a real terminal uses it, by the built program. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { createStack, type Operation } from '../support/stack.js';
import { temporal } from '../support/temporal.js';

const PROGRAM = fileURLToPath(new URL('../../bin/faber-db.js', import.meta.url));
/** A terminal of its own for the child, with its screen on our pipe. */
const TERMINAL = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

let env: NodeJS.ProcessEnv = {};
let operation: Operation;

/** Runs the program; as soon as the screen shows a text, what belongs to it is typed, in order. */
async function atTerminal(argv: string[], types: [shown: string, typed: string][]): Promise<{ code: number | null; screen: string }> {
  const child = spawn('python3', ['-c', TERMINAL, process.execPath, PROGRAM, ...argv], { env: { ...process.env, ...env } });
  const rest = [...types];
  let screen = '';
  const read = (chunk: Buffer) => {
    screen += chunk.toString();
    const [next] = rest;
    if (next === undefined || !screen.includes(next[0])) return;
    rest.shift();
    child.stdin.write(next[1]);
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, screen };
}

describe('approve at a terminal', () => {
  beforeAll(async () => {
    const stack = await createStack({ safety: { approval: { confirmation_phrase: 'drop things' } } });
    await stack.migration('20260101_things', 'CREATE TABLE things (id int);');
    await stack.migration('20260102_no_things', 'DROP TABLE things;');
    const { address, namespace } = await temporal();
    env = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, FABER_DB_TASK_QUEUE: stack.taskQueue };
    operation = await stack.start('migrate');
    await operation.until((state) => state.phase === 'waiting_for_approval');
  });

  it('shows the plan, and Ctrl-C at the question decides nothing', async () => {
    const { code, screen } = await atTerminal(['approve', operation.id, '--by', 'ana@example.com'], [['[y]es', '\u0003']]);
    expect(screen).toContain('DANGER');
    expect(screen).toContain('must hold: drop things');
    expect(screen).toContain('Nothing decided.');
    expect(code).toBe(4);
    expect((await operation.state()).approvals).toEqual([]);
  });

  it('a wrong phrase is refused with the reason, the right one approves', async () => {
    const wrong = await atTerminal(['approve', operation.id, '--by', 'ana@example.com'], [['[y]es', 'y\r'], ['Type the phrase', 'drop it\r']]);
    expect([wrong.code, wrong.screen]).toEqual([1, expect.stringContaining('confirmation phrase')]);
    const right = await atTerminal(['approve', operation.id, '--by', 'ana@example.com'], [['[y]es', 'y\r'], ['Type the phrase', 'drop things\r']]);
    expect([right.code, right.screen]).toEqual([0, expect.stringContaining('Approved plan')]);
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 2 } });
  });
});
