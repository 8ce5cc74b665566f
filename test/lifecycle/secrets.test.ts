/**
 * Secrets and row values stay where they belong: planted in the database, the migrations and the configuration, they are
 * looked for in everything that leaves the worker, on success and on every error that can be provoked.
 */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OperationState, Response } from '../../src/contract/index.js';
import { clientWith } from '../support/fake-client.js';
import { historyText, leaksIn, shownText, watchArguments, workflowsOn } from '../support/leaks.js';
import { asAdmin } from '../support/postgres.js';
import { createStack, type Stack } from '../support/stack.js';
import { tempDir } from '../support/temp.js';

const CONFIG = '.fractary/plugins/faber-db/config.json';
const TAG = randomBytes(4).toString('hex');
const ROLE = `planted_${TAG}`;
const SECRETS = {
  'a literal of a migration': `l1teral-${TAG}`,
  'a literal of a failing migration': `fa1ling-${TAG}`,
  'a literal of a down script': `d0wn-${TAG}`,
  'a row value': `dupl1cate-${TAG}@example.com`,
  'a raised text': `ra1sed-${TAG}`,
  'the password of an unreachable server': `unr3achable/p@ss-${TAG}`,
  'a wrong password': `wr0ng p@ss-${TAG}`,
  'a URL in the config': `c0nfig-${TAG}`,
  'a literal in a function made by hand': `by-h4nd-${TAG}`,
  'a garbled URL': `garbl3d-${TAG}`,
};

describe('secrets and row values', () => {
  let stack: Stack;
  let dumpFails: string;
  let args: string;
  let watched: ReturnType<typeof watchArguments>;
  const answers: Record<string, Response> = {};
  const states: string[] = [];

  beforeAll(async () => {
    watched = watchArguments();
    const folder = await tempDir();
    dumpFails = join(folder, 'dump-fails');
    args = join(folder, 'arguments');
    // Writes down its arguments; told to, it fails as talkatively as a program can.
    const client = await clientWith(`
echo "$@" >> '${args}'
if [ -e '${dumpFails}' ] && [ "$1" != --version ]; then env >&2; echo "password=$PGPASSWORD postgresql://u:$PGPASSWORD@h/db" >&2; cat "$PGPASSFILE" >&2; exit 1; fi
exec "$REAL" "$@"`);
    stack = await createStack({
      idle: true,
      backup: { verify: 'checked' },
      safety: { on_failure: 'stop' },
      environments: Object.fromEntries(['unreachable', 'wrong', 'garbled'].map((name) => [name, { connection_string_env: `${name.toUpperCase()}_URL` }])),
    });
    const url = new URL(stack.database.url);
    const with_ = (password: string, host: string) => `postgresql://${url.username}:${encodeURIComponent(password)}@${host}/shop`;
    await asAdmin(`ALTER ROLE "${stack.database.role.name}" CREATEROLE`);
    await stack.startWorker({
      FABER_DB_PG_BIN: client,
      UNREACHABLE_URL: with_(SECRETS['the password of an unreachable server'], '127.0.0.1:1'),
      WRONG_URL: with_(SECRETS['a wrong password'], url.host),
      GARBLED_URL: `postgres//app:${SECRETS['a garbled URL']}@h/db`,
    });
    await provoke();
  }, 300_000);
  afterAll(async () => {
    await asAdmin(`DROP ROLE IF EXISTS ${ROLE}`);
  });

  const release = async (name: string, up: string, down?: string) => {
    await stack.migration(name, up, down);
    const operation = await stack.start('migrate');
    await operation.approve();
    let last: OperationState['answer'] = null;
    const news = (state: OperationState) => state.answer !== null && JSON.stringify(state.answer) !== JSON.stringify(last);
    for (let choice = 'undo'; ; choice = 'accept') {
      const state = await operation.until(news, 120);
      states.push(JSON.stringify(state));
      last = state.answer;
      if (last?.status !== 'error' || last.waiting_for === undefined) break;
      answers[`${name}, before ${choice}`] = last;
      await operation.handle.signal('resolve', { choice: last.waiting_for.includes('undo') ? choice : 'accept', by: 'ana@example.com' });
    }
    answers[name] = await operation.answer();
    await rm(join(stack.directory, 'prisma/migrations', name), { recursive: true });
  };

  async function provenBackup(): Promise<Response> {
    const file = join(stack.directory, CONFIG);
    const before = await readFile(file, 'utf8');
    await writeFile(file, before.replace('"checked"', '"proven"'));
    const answer = await (await stack.start('backup')).answer();
    await writeFile(file, before);
    return answer;
  }

  /** Prints all that it was given, and values. */
  async function talkativeSeed(): Promise<Response> {
    await writeFile(join(stack.directory, 'seed.mjs'), `
      const url = new URL(process.env.DATABASE_URL);
      console.log(process.env, url, url.href, url.password, decodeURIComponent(url.password));
      console.error(${JSON.stringify(`Key (email)=(${SECRETS['a row value']}) already exists; '${SECRETS['a literal of a migration']}'`)});
      process.exit(1);`);
    await writeFile(join(stack.directory, 'package.json'), JSON.stringify({ devDependencies: { prisma: '6.0.0' }, prisma: { seed: 'node seed.mjs' } }));
    const operation = await stack.start('seed');
    await operation.approve();
    const state = await operation.until((s) => s.answer !== null);
    states.push(JSON.stringify(state));
    // It wrote nothing; whether that can be proven depends on who else uses the server.
    if (state.phase === 'waiting_for_decision') await operation.handle.signal('resolve', { choice: 'accept', by: 'ana@example.com' });
    return operation.answer();
  }

  async function provoke(): Promise<void> {
    await stack.database.query('CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)');
    const row = SECRETS['a row value'];
    const failing = SECRETS['a literal of a failing migration'];
    await release('001_success', `CREATE ROLE ${ROLE} PASSWORD '${SECRETS['a literal of a migration']}'; CREATE TABLE users (email text, n int CHECK (n < 5)); INSERT INTO users VALUES ('${row}', 1), ('${row}', 2);`);
    await release('002_duplicate_role', `CREATE ROLE ${ROLE} PASSWORD '${failing}';`);
    await release('003_duplicate_key', 'CREATE UNIQUE INDEX users_email ON users (email);');
    await release('004_check', `INSERT INTO users VALUES ('${row}', 7);`);
    await release('005_bad_value', `SELECT '${failing}'::int;`);
    await release('006_syntax', `ALTER ROLE ${ROLE} PASSWORD '${failing}' NONSENSE '${failing}';`);
    await release('007_raised', `DO $$ BEGIN RAISE EXCEPTION 'no: %', '${SECRETS['a raised text']}' USING DETAIL = '${SECRETS['a raised text']}', HINT = '${SECRETS['a raised text']}'; END $$;`);
    await release('008_concurrently', 'CREATE UNIQUE INDEX CONCURRENTLY users_email2 ON users (email);');
    // Its down fails, and so a person is asked.
    await stack.migration('009_with_down', 'CREATE TABLE extra (id int);', `ALTER ROLE nobody_${TAG} PASSWORD '${SECRETS['a literal of a down script']}';`);
    await release('010_fails', `INSERT INTO users VALUES ('${row}', 9);`);
    await rm(join(stack.directory, 'prisma/migrations/009_with_down'), { recursive: true });
    answers['seed'] = await talkativeSeed();
    await writeFile(dumpFails, '');
    await release('011_backup_fails', 'SELECT 1;');
    answers['backup'] = await (await stack.start('backup')).answer();
    await rm(dumpFails);
    answers['proven backup'] = await provenBackup();

    for (const environment of ['unreachable', 'wrong', 'garbled']) {
      for (const operation of ['migrate', 'health-check', 'backup'] as const) answers[`${operation} ${environment}`] = await (await stack.start(operation, { environment })).answer();
    }
    // Drift is shown as SQL, without what code could hold of credentials.
    await stack.database.query(`CREATE FUNCTION by_hand() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN '${SECRETS['a literal in a function made by hand']}'; END $$`);
    answers['status'] = await (await stack.start('status', { environment: undefined })).answer();
    answers['health-check'] = await (await stack.start('health-check')).answer();
    const config = join(stack.directory, CONFIG);
    const before = await readFile(config, 'utf8');
    const secret = SECRETS['a URL in the config'];
    const broken = {
      'a URL as a value': JSON.stringify({ environments: { production: { connection_string_env: `postgresql://app:${secret}@db/shop` } } }),
      'a URL as a name': JSON.stringify({ environments: { [`postgresql://app:${secret}@db/shop`]: {}, production: { connection_string_env: 5, url: `postgresql://app:${secret}@db/shop` } } }),
      'broken JSON': `{"environments": {"production": {"connection_string_env": "postgresql://app:${secret}@db/shop" "${secret}"}}}`,
      'a secret as a key': JSON.stringify({ environments: { production: { connection_string_env: 'PROD_DATABASE_URL', password: secret } } }),
    };
    for (const [what, text] of Object.entries(broken)) {
      await writeFile(config, text);
      answers[what] = await (await stack.start('migrate')).answer();
    }
    await writeFile(config, before);
  }

  const secrets = () => ({ ...SECRETS, 'the password of the database': stack.database.role.password });

  it('the errors were provoked as they were meant', () => {
    expect(Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, 'code' in answer ? answer.code : answer.status]))).toEqual({
      '001_success': 'success', '002_duplicate_role': 'migration_failed', '003_duplicate_key': 'migration_failed', '004_check': 'migration_failed',
      '005_bad_value': 'migration_failed', '006_syntax': 'migration_failed', '007_raised': 'migration_failed',
      '008_concurrently': 'migration_failed',
      '010_fails, before undo': 'migration_failed', '010_fails, before accept': 'compensation_failed', '010_fails': 'migration_failed',
      seed: 'seed_failed', '011_backup_fails': 'backup_failed', backup: 'backup_failed', 'proven backup': 'success',
      'migrate unreachable': 'health_check_failed', 'health-check unreachable': 'success', 'backup unreachable': 'health_check_failed',
      'migrate wrong': 'health_check_failed', 'health-check wrong': 'success', 'backup wrong': 'health_check_failed',
      'migrate garbled': 'connection_not_configured', 'health-check garbled': 'connection_not_configured', 'backup garbled': 'connection_not_configured',
      status: 'success', 'health-check': 'success',
      'a URL as a value': 'config_invalid', 'a URL as a name': 'config_invalid', 'broken JSON': 'config_invalid', 'a secret as a key': 'config_invalid',
    });
  });

  it('are in no answer and no state', () => {
    expect(JSON.stringify(answers['status'])).toContain('CREATE FUNCTION public.by_hand()');
    expect(leaksIn({ ...Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, JSON.stringify(answer)])), states: states.join('\n') }, secrets())).toEqual([]);
  });

  it('are in no event of any history, as it travels or decoded, and in nothing that a workflow shows', async () => {
    const workflows = await workflowsOn(stack.client, stack.taskQueue);
    expect([...new Set(workflows.map((w) => w.type))].toSorted()).toEqual(['backup', 'databaseQueue', 'guardedChange', 'healthCheck', 'migrate', 'seed', 'status']);
    expect(workflows.filter((w) => w.type === 'guardedChange').length).toBeGreaterThanOrEqual(10);
    for (const { workflowId, runId, type } of workflows) {
      const texts = { [`history of ${type}`]: await historyText(stack.client, workflowId, runId), [`details of ${type}`]: await shownText(stack.client, workflowId, runId) };
      expect(leaksIn(texts, secrets())).toEqual([]);
    }
  });

  it('are not in the log of the worker', async () => {
    const log = await readFile(stack.logFile, 'utf8');
    expect(log).toContain('activity failed');
    expect(leaksIn({ log }, secrets())).toEqual([]);
  });

  it('are not in the audit, nor in what the target keeps about operations, nor in the ledger', async () => {
    const audit = await readFile(join(stack.store, 'audit', 'audit.jsonl'), 'utf8');
    expect(audit.split('\n').length).toBeGreaterThan(10);
    const kept = await stack.database.query<{ text: string }>('SELECT o::text AS text FROM faber_db.operations o UNION ALL SELECT s::text FROM faber_db.steps s UNION ALL SELECT m::text FROM _prisma_migrations m');
    expect(kept.length).toBeGreaterThan(10);
    expect(leaksIn({ audit, kept: kept.map((k) => k.text).join('\n') }, secrets())).toEqual([]);
  });

  it('are in the arguments of no process', async () => {
    const text = await watched.stop();
    const recorded = await readFile(args, 'utf8');
    expect(recorded).toContain('--format=custom');
    expect(leaksIn({ processes: text, 'arguments of pg_dump': recorded }, secrets())).toEqual([]);
  });

  it('are in the full text of errors, which only the owner of the store may read, but the password not even there', async () => {
    const folder = join(stack.store, 'errors');
    const texts: Record<string, string> = {};
    for (const name of await readdir(folder, { recursive: true })) {
      const { mode } = await stat(join(folder, name));
      if ((mode & 0o170000) === 0o040000) continue;
      expect(mode & 0o777).toBe(0o600);
      texts[name] = await readFile(join(folder, name), 'utf8');
    }
    expect(leaksIn(texts, { row: SECRETS['a row value'] }).length).toBeGreaterThan(0);
    expect(leaksIn(texts, { password: stack.database.role.password })).toEqual([]);
  });
});
