import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { answerOfFailure, answerOfResult } from '../../src/client/answer.js';
import { renderAnswer, runnableText, withRunnableCommands } from '../../src/client/cli/answers.js';
import { invokedAs } from '../../src/client/cli/io.js';
import { table } from '../../src/client/cli/table.js';
import { errorResponse, exitCodeOf, withNames } from '../../src/client/error-response.js';
import { decisionCommands, renderPlan, renderWaiting } from '../../src/client/render-plan.js';
import { requester } from '../../src/client/requester.js';
import { defaultWorkingDirectory } from '../../src/client/working-directory.js';
import { ERROR_CODES, ErrorCode, FaberError } from '../../src/contract/failure.js';
import type { PlanSummary } from '../../src/contract/plan.js';
import type { ErrorResponse } from '../../src/contract/response.js';
import type { OperationState } from '../../src/contract/view.js';
import { tempDir } from '../support/temp.js';

const plan: PlanSummary = {
  version: 1,
  operation: 'migrate',
  environment: 'production',
  parameters: {},
  target: { identity: 'postgresql:1/shop', marker: 'production' },
  ledger_digest: 'd',
  migrations: [
    { name: '20260101_a', sha256: 'a', down_sha256: null, transaction: 'transactional', undo: 'restore_only' },
    { name: "20260102_b';\u001b[2Jrm", sha256: 'b', down_sha256: 'c', transaction: 'standalone', undo: 'lossless' },
  ],
  baseline: [],
  resolve: ["it's"],
  restore: null,
  undo: 'restore',
  settings: { approval: { confirmation_phrase: 'drop it' } },
  plan_hash: 'abcdef0123456789'.repeat(4),
  artifact: 'x',
  evidence: {
    risk: 'destructive',
    findings: [
      { level: 'info', message: 'a note' },
      { level: 'danger', message: 'drops a table', migration: '20260101_a', line: 3 },
    ],
    backup: 'none',
    database: { name: 'shop', server_version: '15.18', size_bytes: 1 },
    losses: ['3 rows of things'],
    ledger_changes: [],
  },
  migrations_total: 60,
  migrations_not_shown: 58,
};
const options = { workflowId: "it's mine", invokedAs: 'npx faber-db', connectionFlags: ' --namespace prod' };

describe('a plan on a terminal', () => {
  const text = renderPlan(plan);

  it('says what runs, what it risks, how it is undone, and what would be lost', () => {
    for (const part of ['Plan abcdef012345: migrate on production', 'Risk      destructive', 'NONE before the change', 'restoring the backup, which loses all writes since', 'Runs 60 migrations', '… and 58 more', 'by restore only', 'outside a transaction', '3 rows of things', '[20260101_a:3]']) {
      expect(text).toContain(part);
    }
  });

  it('has the dangers first', () => {
    expect(text.indexOf('drops a table')).toBeLessThan(text.indexOf('a note'));
  });

  it('lets no name of a migration reach the terminal as a command', () => {
    expect(text).not.toContain('\u001b');
    expect(table(['A'], [['x\u001b[31m\ny']])).toBe('A\nx [31m y');
  });

  it('ends with commands that run as pasted', () => {
    expect(decisionCommands(plan, options)).toEqual({
      approve: `npx faber-db approve 'it'\\''s mine' --plan abcdef012345 --namespace prod --resolve 'it'\\''s=applied' --comment PHRASE`,
      reject: `npx faber-db reject 'it'\\''s mine' --plan abcdef012345 --namespace prod --comment why`,
    });
    const state = { plan, requested_by: 'ci', approval_deadline: '2026-01-02T00:00:00Z', approvals: [], refused: [{ decision: 'approve', by: null, reason: 'no payload', at: '' }], refused_count: 7 };
    const waiting = renderWaiting(state as unknown as OperationState, options);
    for (const part of ['Asked for by ci (not verified)', '2026-01-02T00:00:00Z', 'did not count: 7', 'nobody named: no payload', 'must hold: drop it', 'Approve:  npx faber-db approve']) expect(waiting).toContain(part);
  });
});

describe('answers', () => {
  const error: ErrorResponse = {
    status: 'error', operation: 'migrate', environment: 'production', code: 'migration_failed', error: 'Migration failed: duplicate key',
    result: { failed_migration: 'x', rollback: { status: 'stopped', reason: 'rows were written', costs: { accept: '3 rows', undo: 'no usable down' } } },
    recovery: { rollback_command: 'faber-db rollback-to production --migration a', suggestions: ['Run `faber-db init` there', 'Start one: faber-db worker', 'the faber-db run of yesterday'] },
    waiting_for: ['retry', 'accept'],
  };

  it('hold commands as this program was started', () => {
    expect(withRunnableCommands(error, 'npx faber-db').recovery).toEqual({
      rollback_command: 'npx faber-db rollback-to production --migration a',
      suggestions: ['Run `npx faber-db init` there', 'Start one: npx faber-db worker', 'the faber-db run of yesterday'],
    });
    expect(withRunnableCommands(error, 'faber-db')).toEqual(error);
    expect(runnableText('faber-db --help shows the commands', 'npx faber-db')).toBe('npx faber-db --help shows the commands');
  });

  it('tell people what failed, what was undone, what it waits for and what to do', () => {
    const text = renderAnswer(error);
    for (const part of ['Error (migration_failed)', 'failed migration: x', 'undo: stopped', 'rows were written', 'accept: 3 rows', 'Waits for a decision: retry, accept']) expect(text).toContain(part);
    // It has the lock, and only what it offers is a way out.
    for (const part of ['no usable down', 'To go back']) expect(text).not.toContain(part);
  });

  it('offer no way out when nothing waits for a choice', () => {
    const { waiting_for: _, ...ended } = error;
    expect(renderAnswer(ended)).not.toContain('3 rows');
    expect(renderAnswer(ended)).toContain('To go back: faber-db rollback-to');
  });

  it('tell nothing of an unexpected error but its kind', () => {
    const response = errorResponse(new TypeError('password=hunter2'), { operation: 'migrate' });
    expect(response).toMatchObject({ operation: 'migrate', code: 'internal', recovery: { support_link: expect.stringContaining('https://') as string } });
    expect(JSON.stringify(response)).not.toContain('hunter2');
  });

  it('get the names that they lack, and keep those that they have', () => {
    const bare = { status: 'cancelled', operation: 'migrate', message: 'x' } as const;
    expect(withNames(bare, { operation: 'other', environment: 'dev' })).toEqual({ ...bare, environment: 'dev' });
  });

  it('that are none are a fault, and other errors are not about the operation', () => {
    expect(answerOfResult({ hello: 1 }, { environment: 'dev' })).toMatchObject({ status: 'error', code: 'internal', environment: 'dev' });
    expect(answerOfFailure(new Error('network'), {})).toBeUndefined();
  });

  it('have the exit code of their family', () => {
    const code = (name: ErrorCode) => exitCodeOf({ ...errorResponse(new FaberError({ code: name, message: 'x' })) });
    const expected = { request: 1, failed: 3, cancelled: 4 };
    for (const name of ErrorCode.options) expect([name, code(name)]).toEqual([name, expected[ERROR_CODES[name].family]]);
    expect(exitCodeOf(error)).toBe(5);
    expect(exitCodeOf({ status: 'success', operation: 'x', result: {}, message: '' })).toBe(0);
    expect(exitCodeOf({ status: 'cancelled', operation: 'x', message: '' })).toBe(4);
  });
});

describe('commands in messages', () => {
  it('all name a command that there is', async () => {
    const root = fileURLToPath(new URL('../../src/', import.meta.url));
    const files = (await readdir(root, { recursive: true })).filter((file) => file.endsWith('.ts') && !file.startsWith('client/cli'));
    const commands = new Set((await readdir(join(root, 'client', 'cli'))).map((file) => file.replace('.ts', '')).concat('reject'));
    const unknown: string[] = [];
    for (const file of files) {
      // In messages a command stands in backticks, after a colon, or at the beginning, with a space after its name.
      for (const [, command = ''] of (await readFile(join(root, file), 'utf8')).matchAll(/(?:[:(] |`|')faber-db ([a-z-]+) (?:\$\{|--)/g)) {
        if (!commands.has(command)) unknown.push(`${file}: faber-db ${command}`);
      }
    }
    expect(files.length).toBeGreaterThan(50);
    expect(unknown).toEqual([]);
  });
});

describe('how we were started', () => {
  it.each([
    ['/usr/local/bin/faber-db', {}, 'faber-db'],
    ['/srv/shop/node_modules/.bin/faber-db', { npm_command: 'exec' }, 'npx faber-db'],
    ['/srv/faber-db/bin/faber-db.js', {}, 'node /srv/faber-db/bin/faber-db.js'],
    [undefined, {}, 'faber-db'],
  ])('%s with %j is printed as %s…', (script, env, expected) => {
    expect(invokedAs(script, env)).toBe(expected);
  });
});

describe('who asks', () => {
  it('is the given name, else the actor of the CI, else user@host', () => {
    expect(requester('ana', { GITHUB_ACTOR: 'octo' })).toBe('ana');
    expect(requester(undefined, { GITHUB_ACTOR: 'octo' })).toBe('octo');
    expect(requester(undefined, { GITHUB_ACTOR: ' ', BUILDKITE_BUILD_AUTHOR_EMAIL: 'b@example.com' })).toBe('b@example.com');
    expect(requester(undefined, {})).toBe(`${userInfo().username}@${hostname()}`);
  });
});

describe('the project that is meant', () => {
  it('is CLAUDE_DB_CWD, then the enclosing git root, then here', async () => {
    const root = await tempDir();
    const inner = join(root, 'packages', 'api');
    await mkdir(inner, { recursive: true });
    expect(defaultWorkingDirectory({}, inner)).toBe(inner);
    // As in a worktree: a file.
    await writeFile(join(root, '.git'), 'gitdir: elsewhere');
    expect(defaultWorkingDirectory({}, inner)).toBe(root);
    expect(defaultWorkingDirectory({ CLAUDE_DB_CWD: '/srv/shop' }, inner)).toBe('/srv/shop');
    expect(defaultWorkingDirectory({ CLAUDE_DB_CWD: '..' }, inner)).toBe(join(root, 'packages'));
  });
});
