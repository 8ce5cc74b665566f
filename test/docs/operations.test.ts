/** docs/operations.md says what the schemas say. `npx vitest run test/docs -u` writes its tables anew. */
import { readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/contract/failure.js';
import { OperationName } from '../../src/contract/operation.js';
import { parseRequest } from '../../src/contract/request.js';
import { Response } from '../../src/contract/response.js';
import { OPERATION_RESULTS } from '../../src/contract/results.js';
import { main } from '../../src/client/cli/main.js';
import { parameterTable, resultTables } from './tables.js';

const FILE = new URL('../../docs/operations.md', import.meta.url);
const text = await readFile(FILE, 'utf8');

/** Text under the heading of each operation. */
const sections = new Map(text.split(/^## /m).slice(1).map((section) => [/^`([^`]+)`/.exec(section)?.[1] ?? '', section]));
const examples = (section: string) => [...section.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => JSON.parse(json!) as Record<string, unknown>);

it('has its tables from the schemas', async () => {
  const made = text.replace(/(<!-- (parameters|result): ([a-z-]+) -->\n)[\s\S]*?(<!-- end -->)/g, (_all, begin: string, what: string, name: string, end: string) => {
    const operation = OperationName.parse(name);
    return `${begin}${what === 'parameters' ? parameterTable(operation) : resultTables(operation)}\n${end}`;
  });
  await expect(made).toMatchFileSnapshot(FILE.pathname);
});

it('has an entry for every operation', () => {
  expect([...sections.keys()].filter((name) => OperationName.safeParse(name).success).toSorted()).toEqual(OperationName.options.toSorted());
});

describe.each(OperationName.options)('%s', (operation) => {
  const section = sections.get(operation) ?? '';

  it('shows a request that is accepted, and an answer of the shape that the operation gives', () => {
    const [request, ...answers] = examples(section);
    expect(parseRequest(request, { workingDirectory: '/srv/checkout/shop' }).operation).toBe(operation);
    const success = answers.map((answer) => Response.parse(answer)).filter((answer) => answer.status === 'success');
    expect(success.length).toBeGreaterThan(0);
    for (const answer of success) {
      expect(answer.operation).toBe(operation);
      const shapes = OPERATION_RESULTS[operation];
      const fits = shapes.map((shape) => shape.safeParse(answer.result));
      expect(fits.some((fit) => fit.success), JSON.stringify(fits[0]?.error?.issues)).toBe(true);
    }
  });

  it('has the tables of its parameters and its result', () => {
    expect(section).toContain(`<!-- parameters: ${operation} -->`);
    expect(section).toContain(`<!-- result: ${operation} -->`);
  });

  it('names error codes that exist, with what to do', () => {
    const rows = [...section.matchAll(/^\| `([a-z_]+)` \| (.+) \| (.+) \|$/gm)].filter(([, code]) => code! in ERROR_CODES);
    expect(rows.length).toBeGreaterThan(0);
    for (const [, , when, then] of rows) expect([when!.length > 10, then!.length > 10]).toEqual([true, true]);
  });
});

it('names commands and options that exist', async () => {
  const commands = [...text.matchAll(/^faber-db ([a-z-]+)(.*)$/gm)].map(([, command, rest]) => ({
    // Only `schedule` has commands of its own.
    command: command === 'schedule' ? [command, rest!.trim().split(' ')[0]!] : [command!], options: [...rest!.matchAll(/--[a-z-]+/g)].map(String),
  }));
  expect(commands.length).toBeGreaterThan(OperationName.options.length);
  for (const { command, options } of commands) {
    const help = await helpOf(command);
    for (const option of options) expect(help, `faber-db ${command.join(' ')} ${option}`).toContain(option);
  }
});

async function helpOf(command: string[]): Promise<string> {
  const stream = new PassThrough();
  const code = await main([...command, '--help'], { stdin: process.stdin, stdout: stream, stderr: stream, env: {}, invokedAs: 'faber-db', signal: new AbortController().signal });
  expect(code, `faber-db ${command.join(' ')}`).toBe(0);
  return String(stream.read());
}
