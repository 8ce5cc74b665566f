/** What the worker knows of Knex. */
import { generateTemplate } from '../program/generate.js';
import type { ProgramToolFacts } from '../program/tool.js';

export const knexFacts: ProgramToolFacts = {
  name: 'knex',
  title: 'Knex',
  ledger: { order: 'id', at: 'migration_time' },
  tables: (ledger) => [{ table: ledger, key: 'id' }, { table: `${ledger}_lock`, key: 'index' }],
  lockTable: (ledger) => `${ledger}_lock`,
  seedCommand: (configFile, part) => `knex seed:run --knexfile ${configFile}${part === null ? '' : ` --env ${part}`}`,
  generate: ({ tool }, _target, settings, request) => generateTemplate(tool, settings, request),
};
