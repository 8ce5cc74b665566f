/** The migration tools, and the database systems that each one runs on: a line a combination. */
import { FaberError } from '../../contract/failure.js';
import type { Settings } from '../../contract/settings.js';
import type { DatabaseHandler } from '../database/contract.js';
import type { MigrationHandler, MigrationHandlers } from './contract.js';
import { knexFacts } from './knex/facts.js';
import { sequelizeFacts } from './sequelize/facts.js';
import { typeormFacts } from './typeorm/facts.js';
import { PrismaMigrationHandler } from './prisma/handler.js';
import { postgresRunner } from './prisma/postgresql/index.js';
import { mysqlRunner } from './prisma/mysql/index.js';
import { sqliteRunner } from './prisma/sqlite/index.js';
import { ProgramMigrationHandler } from './program/handler.js';
import { postgresPrograms } from './program/postgresql/index.js';

type Build = (database: DatabaseHandler) => MigrationHandler;

const TOOLS: Partial<Record<Settings['migration_tool'], Partial<Record<Settings['provider'], Build>>>> = {
  prisma: {
    postgresql: (database) => new PrismaMigrationHandler(database, postgresRunner(database)),
    mysql: (database) => new PrismaMigrationHandler(database, mysqlRunner(database)),
    sqlite: (database) => new PrismaMigrationHandler(database, sqliteRunner(database)),
  },
  knex: {
    postgresql: (database) => new ProgramMigrationHandler(database, postgresPrograms(database), knexFacts),
  },
  typeorm: {
    postgresql: (database) => new ProgramMigrationHandler(database, postgresPrograms(database), typeormFacts),
  },
  sequelize: {
    postgresql: (database) => new ProgramMigrationHandler(database, postgresPrograms(database), sequelizeFacts),
  },
};

export const migrationHandlers: MigrationHandlers = (tool, database) => {
  const build = TOOLS[tool]?.[database.provider];
  if (build) return build(database);
  const existing = Object.entries(TOOLS).map(([name, systems]) => `${name} on ${Object.keys(systems).join(', ')}`).join('; ');
  throw new FaberError({
    code: 'unsupported',
    message: `The config asks for ${tool} on ${database.provider}, and this release migrates ${existing}. Nothing was changed.`,
    suggestions: ['Set database.migration_tool and database.provider to what this release supports.'],
  });
};
