/** The migration tools of this release, one line each. */
import { FaberError } from '../../contract/failure.js';
import type { DatabaseHandler } from '../database/contract.js';
import type { MigrationHandler, MigrationHandlers } from './contract.js';
import { PrismaMigrationHandler } from './prisma/handler.js';

const TOOLS: Partial<Record<MigrationHandler['tool'], (database: DatabaseHandler) => MigrationHandler>> = {
  prisma: (database) => new PrismaMigrationHandler(database),
};

export const migrationHandlers: MigrationHandlers = (tool, database) => {
  const build = TOOLS[tool];
  if (build && database.provider === 'postgresql') return build(database);
  const existing = `This release migrates ${Object.keys(TOOLS).join(', ')} projects on postgresql`;
  throw new FaberError({
    code: 'unsupported',
    message: `${existing}; the config asks for ${tool} on ${database.provider}. Nothing was changed.`,
    suggestions: ['Set database.migration_tool and database.provider to what this release supports.'],
  });
};
