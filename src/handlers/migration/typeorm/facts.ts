/** What the worker knows of TypeORM. */
import type { ProgramToolFacts } from '../program/tool.js';
import { generateDifference } from './generate.js';

export const typeormFacts: ProgramToolFacts = {
  name: 'typeorm',
  title: 'TypeORM',
  ledger: { order: 'id', at: null },
  tables: (ledger) => [{ table: ledger, key: 'id' }, { table: 'typeorm_metadata', key: null }],
  lockTable: null,
  seedCommand: null,
  generate: generateDifference,
};
