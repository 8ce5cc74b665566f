/** The process of the engine: what it is given, and what is left when it ends. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Session } from '../../../../../src/handlers/database/contract.js';
import { withSchemaEngine } from '../../../../../src/handlers/migration/prisma/engine/schema-engine.js';
import { DATASOURCE, project } from './support.js';

const MODEL = `${DATASOURCE}model User {\n  id Int @id\n}\n`;

/** The engine with a real session; `onQuery` sees each of its queries first. */
async function diff(onQuery: (pid: number, session: Session) => Promise<unknown>, signal = new AbortController().signal): Promise<string> {
  const { database, target } = await project();
  const session = await database.connect(target, 'compare');
  const watched: Session = Object.assign(Object.create(session) as Session, {
    queryTyped: async (sql: string, parameters: unknown[]) => {
      await onQuery(await childOfThisProcess(), session);
      return session.queryTyped(sql, parameters);
    },
  });
  try {
    const context = { session: watched, schema: 'public', provider: 'postgres' as const, files: [{ path: 'schema.prisma', content: MODEL }], secrets: target.secrets, signal };
    return await withSchemaEngine(context, (engine) => engine.diff('database', 'datamodel'));
  } finally {
    await session.close();
  }
}

async function childOfThisProcess(): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [stat, command] = await Promise.all(['stat', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')));
    if (command!.includes('/prisma/engine/child.js') && stat!.split(') ')[1]?.split(' ')[1] === String(process.pid)) return Number(pid);
  }
  throw new Error('there is no process of the engine');
}

const gone = (pid: number) => readFile(`/proc/${pid}/stat`, 'utf8').then(() => false, () => true);

test('gets no credentials, leads a process group of its own, and is gone afterwards', async () => {
  let pid = 0;
  let group: string | undefined;
  let environment = '';
  const script = await diff(async (child) => {
    pid = child;
    group = (await readFile(`/proc/${child}/stat`, 'utf8')).split(') ')[1]?.split(' ')[2];
    environment = await readFile(`/proc/${child}/environ`, 'utf8');
  });
  expect(script).toContain('CREATE TABLE "User"');
  expect(group).toBe(String(pid));
  expect(new Set(environment.split('\0').map((line) => line.split('=')[0]).filter(Boolean))).toEqual(new Set(['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_ENV']));
  expect(await gone(pid)).toBe(true);
});

test('that dies takes nothing along, and is told', async () => {
  await expect(diff(async (pid) => process.kill(pid, 'SIGKILL'))).rejects.toThrow("Prisma's engine gave no script: its process ended (SIGKILL). Nothing was written.");
});

test('that waits is ended by a cancel', async () => {
  const ended = new AbortController();
  let pid = 0;
  const waiting = diff(async (child) => {
    pid = child;
    ended.abort(new Error('cancelled'));
    await sleep(200);
  }, ended.signal);
  await expect(waiting).rejects.toThrow('cancelled');
  expect(await gone(pid)).toBe(true);
});

test('is told why the server refuses a query, and tells it', async () => {
  const inFailedTransaction = async (_pid: number, session: Session) => {
    await session.query('BEGIN');
    await session.query('SELECT 1/0').catch(() => undefined);
  };
  await expect(diff(inFailedTransaction)).rejects.toThrow(/gave no script: .*current transaction is aborted/);
});
