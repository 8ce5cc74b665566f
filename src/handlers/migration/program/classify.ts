/** What is told of a program before it runs: by what it sent when it was tried, or that this is not known. */
import type { Finding } from '../../../contract/plan.js';
import { Risk } from '../../../contract/settings.js';
import type { Classification, Migration } from '../contract.js';
import type { ProgramSystem } from './system.js';
import type { ProgramToolFacts } from './tool.js';

const higher = (a: Risk, b: Risk): Risk => (Risk.options.indexOf(a) >= Risk.options.indexOf(b) ? a : b);

/** Undo is `lossless` only where the trial showed that neither direction touches a row. */
export async function classify(migration: Migration, system: ProgramSystem, tool: ProgramToolFacts): Promise<Classification> {
  const { program, down, name } = migration;
  const tried = program?.tried ?? null;
  const found = await system.classify(migration);
  const findings: Finding[] = [...found.findings];
  let { risk } = found;
  const warn = (level: Finding['level'], message: string, least: Risk) => {
    findings.push({ level, message });
    risk = higher(risk, least);
  };
  if (tried === null) warn('warning', 'What it sends was not found out beside the database: only its file tells', 'high');
  else if (tried.failed !== null) warn('danger', `It fails on an empty database: ${tried.failed}`, 'high');
  else if (found.reads) warn('warning', 'It reads rows: with the data that is there it may do other things than on an empty database', 'medium');
  if (program?.transaction === 'standalone') warn('info', `${tool.title} runs it outside of a transaction: when it fails in the middle, what it did until then stays, and a person must decide`, 'medium');
  const usable = down !== null && !(tried?.down?.length === 0 && tried.up.length > 0);
  if (!usable) findings.push({ level: 'info', message: down === null ? 'It has no down: only a restore undoes it' : 'Its down sends nothing: only a restore undoes it' });
  return {
    transaction: program?.transaction ?? 'standalone',
    undo: !usable ? 'restore_only' : found.losesNothing ? 'lossless' : 'lossy',
    risk,
    findings: findings.map((finding) => ({ ...finding, migration: name })),
    statements: found.statements,
  };
}
