/** The matrix: a line a combination. */
import type { Combination } from './combination.js';
import { dbmate } from './projects/dbmate.js';
import { knex } from './projects/knex.js';
import { prisma } from './projects/prisma.js';
import { mysqlSystem } from './systems/mysql.js';
import { sequelize } from './projects/sequelize.js';
import { typeorm } from './projects/typeorm.js';
import { postgresql } from './systems/postgresql.js';
import { sqlite } from './systems/sqlite.js';
import { DbmateMigrationHandler } from './worked-example/dbmate.js';

export const COMBINATIONS: readonly Combination[] = [
  { project: prisma, system: postgresql },
  { project: knex, system: postgresql },
  { project: prisma, system: sqlite },
  { project: prisma, system: mysqlSystem, refuses: { 'makes a new migration': 'unsupported' } },
  { project: typeorm, system: postgresql },
  { project: sequelize, system: postgresql },
];

/** Of docs/handlers.md. */
export const WORKED_EXAMPLE: Combination = { project: dbmate, system: postgresql, keepsNoChecksum: true, handler: (database) => new DbmateMigrationHandler(database) };
