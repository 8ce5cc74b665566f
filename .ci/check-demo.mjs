// Runs the demo as a pipeline would and checks what it promises: two JSON answers and nothing else on stdout, an undo that
// holds, exit 0, no process left.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

// A word in the environment, which children inherit, finds every process that the demo started, whatever it calls itself.
const mark = `FABER_DB_CI_MARK=${process.pid}-${Date.now()}`;
const [name, value] = mark.split('=');
const { status, stdout } = spawnSync('npm', ['run', '-s', 'demo', '--', '--yes', '--json'], {
  encoding: 'utf8',
  env: { ...process.env, [name]: value },
  stdio: ['ignore', 'pipe', 'inherit'],
});
assert.equal(status, 0, 'the demo exits with 0');

const answers = stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
assert.equal(answers.length, 2, 'two answers');
const [first, second] = answers;
assert.equal(first.status, 'success');
assert.equal(first.result.migrations_applied, 3);
assert.equal(first.result.health_check, 'passed');
assert.equal(second.status, 'error');
assert.equal(second.code, 'migration_failed');
assert.equal(second.result.failed_migration, '20260202091000_one_account_per_email');
assert.equal(second.result.rollback.status, 'undone');
assert.equal(second.result.rollback.by, 'down');
assert.equal(second.result.rollback.verified, true);
assert.equal(second.recovery.rollback_command, undefined, 'nothing is left to roll back');
assert.ok(!stdout.includes('ana.silva'), 'no row value in an answer');
assert.deepEqual(left(), [], 'no process is left');
console.log('the demo did what it promises');

function left() {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark);
    } catch {
      return false;
    }
  });
}
