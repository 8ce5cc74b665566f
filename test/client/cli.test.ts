import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { answerIn, cli, type CliOptions, type Ran } from '../support/cli.js';
import { createStack, type Stack } from '../support/stack.js';
import { tempDir } from '../support/temp.js';

const request = (value: unknown) => ({ stdin: JSON.stringify(value) });

describe('faber-db run, before anything is started', () => {
  it.each([
    ['no JSON', 'migrate production', 'The request on stdin is not valid JSON (line 1, column 1)'],
    ['nothing', '', 'The request on stdin is empty'],
    ['UTF-16', Buffer.from('\uFEFF{}', 'utf16le'), 'UTF-16'],
    ['a list', '[]', 'not a JSON object'],
    ['an unknown operation', '{"operation": "explode"}', "Unknown operation 'explode'"],
    ['an unknown key', '{"operation": "migrate", "parameters": {"environment": "dev", "yes": true}}', "Unknown key 'yes'"],
  ])('answers %s with invalid_request and exit code 1', async (_name, stdin, message) => {
    const ran = await cli(['run'], { stdin });
    expect(ran.code).toBe(1);
    expect(answerIn(ran)).toMatchObject({ status: 'error', code: 'invalid_request', error: expect.stringContaining(message) as string });
  });

  it('names the environment of a request that is wrong elsewhere', async () => {
    const ran = await cli(['run'], request({ operation: 'migrate', parameters: { environment: 'production', nonsense: 1 } }));
    expect(answerIn(ran)).toMatchObject({ operation: 'migrate', environment: 'production', code: 'invalid_request' });
  });

  it('reads a file, and says when there is none', async () => {
    const file = join(await tempDir(), 'request.json');
    await writeFile(file, '{"operation": "explode"}');
    expect(answerIn(await cli(['run', '--request', file])).error).toContain("Unknown operation 'explode'");
    expect(answerIn(await cli(['run', '--request', `${file}.none`])).error).toContain('(ENOENT)');
  });

  it('asks for a request where a person would have to type it', async () => {
    const ran = await cli(['run'], { types: '' });
    expect([ran.code, answerIn(ran).error]).toEqual([1, expect.stringContaining('No request')]);
  });

  it.each([[['run', '--nonsense']], [['migrate', '--json']], [['explode', '--json']], [['run', '--wait-timeout', 'soon']]])('answers the command line %j in JSON too', async (argv) => {
    const ran = await cli(argv);
    expect(ran.code).toBe(1);
    expect(answerIn(ran)).toMatchObject({ status: 'error', code: 'invalid_request' });
  });

  it('says how to reach Temporal when it is not there', async () => {
    const ran = await cli(['run'], { ...request({ operation: 'backup', parameters: { environment: 'dev' } }), env: { TEMPORAL_ADDRESS: '127.0.0.1:1' }, invokedAs: 'npx faber-db' });
    expect(ran.code).toBe(3);
    expect(answerIn(ran)).toMatchObject({
      status: 'error', operation: 'backup', environment: 'dev', code: 'temporal_unavailable',
      recovery: { suggestions: expect.arrayContaining([expect.stringContaining('npx faber-db dev')]) as string[] },
    });
  });
});

describe('faber-db', () => {
  it('helps, and tells its version, on stdout', async () => {
    expect(await cli(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+/) as string, err: '' });
    const help = await cli(['--help']);
    expect(help.code).toBe(0);
    for (const command of ['run', 'migrate', 'preview', 'rollback', 'rollback-to', 'restore', 'seed', 'reset', 'initialize-database', 'backup', 'status', 'health-check', 'list-backups', 'generate-migration', 'verify', 'cleanup', 'approve', 'reject', 'decide', 'watch', 'list', 'schedule', 'worker', 'dev', 'init']) {
      expect(help.out).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
      expect((await cli([command, '--help'])).code).toBe(0);
    }
  });

  it('suggests the command that was meant', async () => {
    expect(await cli(['migrat'])).toMatchObject({ code: 1, err: expect.stringContaining('Did you mean migrate?') as string });
  });
});

describe('on a real project', () => {
  let stack: Stack;
  let queue: string[];
  let at: string[];
  const by = ['--by', 'ana@example.com'];
  const fresh = async (up = 'SELECT 1;') => {
    const name = `2026${String(Date.now())}_${randomBytes(2).toString('hex')}`;
    await stack.migration(name, up);
    return name;
  };
  const idIn = (text: string) => /(?:Started|Joined) \S+: (\S+)/.exec(text)?.[1] ?? '';
  const planIn = (text: string) => /Plan ([0-9a-f]{12}):/.exec(text)?.[1] ?? '';

  /** Runs a command; when its plan is shown, `decide` gets the id and the plan, as a person at another terminal would. */
  async function decided(argv: string[], decide: (id: string, plan: string) => Promise<unknown>, options: CliOptions = {}): Promise<Ran> {
    let asked: Promise<unknown> | undefined;
    const ran = await cli(argv, {
      ...options,
      onErr: (err) => {
        if (asked === undefined && err.includes('Refuse:')) asked = decide(idIn(err), planIn(err));
      },
    });
    await asked;
    return ran;
  }

  beforeAll(async () => {
    stack = await createStack({ safety: { on_failure: 'stop', forbidden_statements: ['drop_schema'] } });
    queue = ['--task-queue', stack.taskQueue];
    at = ['--working-directory', stack.directory, ...queue];
    await stack.migration('20260101000000_init', 'CREATE TABLE things (id int PRIMARY KEY);');
  });

  it('migrate shows the plan, waits for approve from elsewhere, and prints the answer', async () => {
    const decisions: Ran[] = [];
    const ran = await decided(['migrate', 'production', ...at], async (id, plan) => {
      decisions.push(await cli(['approve', id, '--plan', plan, ...by]));
    });
    expect(decisions[0]).toMatchObject({ code: 0, out: expect.stringContaining('Approved plan') as string });
    expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('Applied 1 migration to production') as string });
    for (const text of ['Risk      ', 'Backup    before the change', 'If it fails: it stops and asks', '20260101000000_init', 'Waits until', 'Approve:  faber-db approve faber-db/migrate/production/']) {
      expect(ran.err).toContain(text);
    }
  });

  it('migrate with nothing pending, preview and --dry-run change nothing and need nobody', async () => {
    const nothing = await cli(['migrate', 'production', '--json', ...at]);
    expect([nothing.code, answerIn(nothing)]).toMatchObject([0, { status: 'success', result: { migrations_applied: 0 } }]);
    await fresh();
    const preview = await cli(['preview', 'production', ...at]);
    expect(preview).toMatchObject({ code: 0, out: expect.stringContaining('Needs approval.') as string });
    const dry = await cli(['migrate', 'production', '--dry-run', '--json', ...at]);
    expect(answerIn(dry)).toMatchObject({ status: 'success', result: { pending: 1, approval_required: true } });
    expect((answerIn(dry).result as { plan_hash: string }).plan_hash.slice(0, 12)).toBe(planIn(preview.out));
  });

  it('reject ends the operation with exit code 4', async () => {
    const ran = await decided(['migrate', 'production', '--json', ...at], (id, plan) => cli(['reject', id, '--plan', plan, ...by, '--comment', 'wrong window']));
    expect(ran.code).toBe(4);
    expect(answerIn(ran)).toMatchObject({ status: 'cancelled', message: 'Rejected by ana@example.com: wrong window' });
  });

  it('--yes approves nothing where the environment is protected', async () => {
    const ran = await decided(['migrate', 'production', '--yes', '--json', '--wait-timeout', '3', ...at], () => Promise.resolve());
    expect(ran.err).toContain('--yes approves nothing here');
    expect(ran.code).toBe(6);
    expect(answerIn(ran)).toMatchObject({ status: 'started', workflow_id: idIn(ran.err) });
    expect(await cli(['cancel', idIn(ran.err)])).toMatchObject({ code: 0 });
    expect((await cli(['watch', idIn(ran.err), '--json'])).code).toBe(4);
  });

  it('approve without --plan shows the plan on a terminal and asks; without a terminal it refuses', async () => {
    const answers: Ran[] = [];
    const ran = await decided(['migrate', 'production', '--json', ...at], async (id) => {
      answers.push(await cli(['approve', id, ...by]), await cli(['approve', id, ...by], { types: 'later' }), await cli(['approve', id, ...by], { types: 'n' }));
    });
    expect(answers.map((a) => a.code)).toEqual([1, 4, 0]);
    expect(answers[0]?.err).toContain('Without a terminal approve needs --plan');
    expect(answers[1]?.err).toContain('Nothing decided.');
    expect(answers[2]).toMatchObject({ err: expect.stringContaining('Risk') as string, out: expect.stringContaining('Refused plan') as string });
    expect(answerIn(ran)).toMatchObject({ status: 'cancelled' });
  });

  it('run with --detach answers at once, the same id joins, and the answer is one JSON object', async () => {
    const id = `pipeline-${randomBytes(4).toString('hex')}`;
    const migrate = request({ operation: 'migrate', parameters: { environment: 'production', working_directory: stack.directory }, requested_by: 'ci@example.com' });
    const started = await cli(['run', '--detach', '--workflow-id', id, ...queue], migrate);
    expect([started.code, answerIn(started)]).toMatchObject([0, { status: 'started', workflow_id: id, run_id: expect.any(String) as string }]);
    const joined = await decided(['run', '--workflow-id', id, ...queue], (_, plan) => cli(['approve', id, '--plan', plan, ...by, '--json']), migrate);
    expect(joined.err).toContain(`Joined migrate: ${id}`);
    expect([joined.code, answerIn(joined)]).toMatchObject([0, { status: 'success', environment: 'production', result: { migrations_applied: 1 } }]);
    const again = await cli(['run', '--workflow-id', id, ...queue], migrate);
    expect(answerIn(again)).toEqual(answerIn(joined));
    const other = await cli(['run', '--workflow-id', id, ...queue], request({ operation: 'backup', parameters: { environment: 'production', working_directory: stack.directory } }));
    expect([other.code, answerIn(other)]).toMatchObject([1, { code: 'operation_id_conflict', operation: 'backup', environment: 'production' }]);
  });

  it('answers a failure that waits for a person with exit code 5, and decide ends it', async () => {
    await fresh('CREATE TABLE half (id int);');
    const bad = await fresh('INSERT INTO things VALUES (1), (1);');
    const ran = await decided(['migrate', 'production', '--json', ...at], (id, plan) => cli(['approve', id, '--plan', plan, ...by]));
    expect(ran.code).toBe(5);
    expect(answerIn(ran)).toMatchObject({ status: 'error', code: 'migration_failed', result: { failed_migration: bad }, waiting_for: expect.arrayContaining(['accept']) as string[] });
    const id = idIn(ran.err);
    const watched = await cli(['watch', id]);
    expect([watched.code, watched.err]).toEqual([5, expect.stringContaining(`faber-db decide ${id} accept`)]);
    expect(await cli(['decide', id, 'resolve', ...by])).toMatchObject({ code: 1, err: expect.stringContaining("does not wait for 'resolve'") as string });
    expect(await cli(['decide', id, 'accept', ...by])).toMatchObject({ code: 0, out: expect.stringContaining('Decided: accept') as string });
    const end = await cli(['watch', id, '--json']);
    expect([end.code, answerIn(end)]).toMatchObject([3, { status: 'error', code: 'migration_failed', result: { rollback: { by: 'person' } } }]);
  });

  it('health-check, backup, list-backups and list show what there is', async () => {
    const health = await cli(['health-check', 'production', ...at]);
    expect(health.out).toMatch(/connectivity\s+healthy/);
    expect([0, 2]).toContain(health.code);
    const backup = await cli(['backup', 'production', '--label', 'by-hand', '--reason', 'test', '--json', ...at]);
    const { backup_id: id } = answerIn(backup).result as { backup_id: string };
    expect(id).toMatch(/^backup-\d{8}-\d{6}-by-hand$/);
    expect((await cli(['list-backups', 'production', ...at])).out).toMatch(new RegExp(`^${id}\\s+production\\s+(checked|proven)`, 'm'));
    const list = await cli(['list', '--environment', 'production', '--limit', '5']);
    expect(list.out).toMatch(/^ID\s+OPERATION\s+ENVIRONMENT\s+STATUS/);
    expect((answerIn(await cli(['list', '--json', '--limit', '3'])).result as { operations: unknown[] }).operations.length).toBeLessThanOrEqual(3);
  });

  it.each([['elsewhere', 'environment_not_configured'], ['production', 'config_not_found']])('health-check of %s without its configuration has exit code 1', async (environment, code) => {
    const directory = code === 'config_not_found' ? await tempDir() : stack.directory;
    const ran = await cli(['health-check', environment, '--json', '--working-directory', directory, ...queue]);
    expect([ran.code, answerIn(ran)]).toMatchObject([1, { status: 'error', code, environment, operation: 'health-check' }]);
  });

  it('a statement that the config forbids is refused before anybody is asked', async () => {
    const name = await fresh('SELECT 1;\nDROP SCHEMA old;');
    const ran = await cli(['migrate', 'production', '--json', ...at]);
    await rm(join(stack.directory, 'prisma', 'migrations', name), { recursive: true });
    expect(ran.code).toBe(3);
    expect(answerIn(ran)).toMatchObject({
      status: 'error', code: 'plan_failed', environment: 'production',
      error: expect.stringContaining(`${name}/migration.sql line 2: DROP SCHEMA old destroys its data; safety.forbidden_statements forbids drop_schema`) as string,
      result: { failed_migration: name, forbidden: [{ kind: 'drop_schema', line: 2 }] },
    });
  });

  it('Ctrl-C ends the wait and not the operation', async () => {
    await fresh();
    const stop = new AbortController();
    const ran = await cli(['migrate', 'production', ...at], { signal: stop.signal, onErr: (err) => void (err.includes('Refuse:') && stop.abort()) });
    expect(ran).toMatchObject({ code: 6, err: expect.stringContaining('The operation goes on') as string });
    expect((await cli(['list', '--running'])).out).toContain(idIn(ran.err));
    await cli(['cancel', idIn(ran.err)]);
  });

  it('a wrong parameter is told before a server is asked', async () => {
    expect(await cli(['rollback-to', 'production', ...at], { env: { TEMPORAL_ADDRESS: '127.0.0.1:1' } })).toMatchObject({
      code: 1, err: expect.stringContaining('give either migration or backup_id') as string,
    });
  });
});
