/** What the worker knows of Sequelize, and of umzug, which keeps the same ledger. */
import { generateTemplate } from '../program/generate.js';
import type { ProgramToolFacts } from '../program/tool.js';

export const sequelizeFacts: ProgramToolFacts = {
  name: 'sequelize',
  title: 'Sequelize',
  ledger: { order: 'name', at: null },
  tables: (ledger) => [{ table: ledger, key: null }],
  lockTable: null,
  seedCommand: (_configFile, part) => `sequelize-cli db:seed:all${part === null ? '' : ` --env ${part}`}`,
  generate: ({ tool }, _target, settings, request) => generateTemplate(tool, settings, request),
};
