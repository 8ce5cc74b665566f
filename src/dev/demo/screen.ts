/** What the demo writes, and where: with `--json` the answers alone go to stdout. */
import type { Answer } from '../../client/index.js';
import type { PlanSummary } from '../../contract/index.js';
import type { ProgressLine } from '../../contract/view.js';

export interface Screen {
  say(line?: string): void;
  heading(text: string): void;
  plan(plan: PlanSummary): void;
  progress(line: ProgressLine): void;
  answer(answer: Answer<'migrate'>): void;
}

/** Writes for people to `people` and answers to `answers`. */
export function screen(json: boolean): Screen {
  const people = json ? process.stderr : process.stdout;
  const bold = (text: string) => (people.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
  const say = (line = '') => void people.write(`${line}\n`);
  return {
    say,
    heading: (text) => say(`\n${bold(text)}`),
    plan(plan) {
      say(`  Plan ${bold(plan.plan_hash.slice(0, 12))}   risk ${plan.evidence.risk}, backup ${plan.evidence.backup}, undo ${plan.undo}`);
      for (const { name, transaction, undo } of plan.migrations) say(`    ${name.padEnd(42)} ${transaction.padEnd(13)} undo: ${undo.replace('_', ' ')}`);
      for (const { level, message, migration, line } of plan.evidence.findings) {
        say(`    ${level}: ${message}${migration ? ` (${migration}${line ? `:${line}` : ''})` : ''}`);
      }
      for (const loss of plan.evidence.losses) say(`    undoing would lose: ${loss}`);
    },
    progress: ({ at, phase, message }) => say(`  ${at.slice(11, 19)} ${phase.padEnd(20)} ${message}`),
    answer(answer) {
      if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
      else {
        for (const [verb, name] of migrationsIn(answer)) say(`    ${verb.padEnd(9)} ${name}`);
        say(`  Answer:\n${JSON.stringify(answer, null, 2).replace(/^/gm, '    ')}`);
      }
    },
  };
}

/** What happened to each migration, as the answer tells. */
function migrationsIn(answer: Answer<'migrate'>): [verb: string, name: string][] {
  const { applied = [], failed_migration: failed, rollback } = (answer.result ?? {}) as {
    applied?: string[]; failed_migration?: string; rollback?: { reverted?: string[] };
  };
  return [
    ...applied.map((name): [string, string] => ['applied', name]),
    ...(failed ? [['failed', failed] as [string, string]] : []),
    ...(rollback?.reverted ?? []).map((name): [string, string] => ['undone', name]),
  ];
}
