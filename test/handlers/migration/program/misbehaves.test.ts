/** Whatever a project's program does, it is an ordinary failed migration. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Migration } from '../../../../src/handlers/migration/contract.js';
import { knexBench, tables, up, type Bench } from './support.js';

const CREATE = "await knex.raw('CREATE TABLE t (id int)');";

/** What it does after it has made a table, and what is said of it. */
const CASES: [what: string, body: string, says: RegExp][] = [
  ['exits', `${CREATE} process.exit(0);`, /its process ended .*exit code 0/],
  ['kills itself', `${CREATE} process.kill(process.pid, 'SIGKILL');`, /its process ended .*SIGKILL/],
  ['never settles', `${CREATE} await new Promise((done) => setTimeout(done, 1e6));`, /longer than 1 seconds/],
  ['blocks its event loop', `${CREATE} for (;;);`, /longer than 1 seconds/],
  ['waits for the server for too long', `${CREATE} await knex.raw('SELECT pg_sleep(60)');`, /longer than 1 seconds/],
  ['rejects with nothing', `${CREATE} return Promise.reject();`, /it threw undefined/],
  ['throws text with a value', `${CREATE} throw 'no row for "ana" at ana@example.com';`, /it threw string: no row for \*\*\* at \*\*\*/],
  ['forgets a promise that rejects', `${CREATE} void Promise.reject(new RangeError('forgotten')); await new Promise((done) => setTimeout(done, 1e6));`, /it threw RangeError: forgotten/],
  ['throws in a timer', `${CREATE} setTimeout(() => { throw new TypeError('late'); }, 10); await new Promise((done) => setTimeout(done, 1e6));`, /it threw TypeError: late/],
  ['prints without end', `${CREATE} for (let n = 0; n < 300; n++) console.log('x'.repeat(100000)); throw new Error('printed');`, /it threw Error: printed/],
  ['breaks its channel', `${CREATE} process.disconnect(); await new Promise((done) => setTimeout(done, 1e6));`, /its process ended/],
  ['fails with a value in the message of the server', `${CREATE} await knex.raw("SELECT 'ana'::int");`, /invalid input syntax for type integer: "\?"/],
  ['takes its transaction back by itself', `${CREATE} await knex.raw('ROLLBACK').catch(() => {});`, /ends the transaction that it runs in/],
  ['commits by itself', `await knex.raw('CREATE TABLE t (id int); COMMIT');`, /ends the transaction that it runs in/],
];

let bench: Bench;
let all: Migration[];
beforeAll(async () => {
  bench = await knexBench(Object.fromEntries(CASES.map(([, body], at) => [`migrations/${100 + at}.js`, up(body)])));
  all = await bench.migrations();
});

describe('a program that', () => {
  it.each(CASES.map(([what, , says], at) => [what, says, at] as const))('%s leaves nothing', async (_what, says, at) => {
    const outcome = await bench.tool.apply(all[at]!, { ...bench.context, timeoutSeconds: says.source.includes('longer') ? 1 : 30 });
    expect(outcome).toMatchObject({ status: 'failed', halfApplied: false });
    if (outcome.status !== 'failed') return;
    expect(outcome.failure.message).toMatch(says);
    expect(JSON.stringify(outcome.failure)).not.toContain('ana');
    expect(outcome.detail.length).toBeLessThan(400_000);
    expect(await tables(bench)).toEqual([]);
    expect((await bench.tool.readLedger(bench.target, bench.settings)).rows).toEqual([]);
    expect((await bench.database.sessions(bench.target)).filter(({ application }) => application?.includes('program'))).toEqual([]);
  });
});
