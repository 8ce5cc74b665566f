/** A folder whose migrations are not Prisma's gets none of Prisma's beside them. */
import { readdir } from 'node:fs/promises';
import { FaberError } from '../../../../contract/failure.js';

/** Knex, Sequelize and TypeORM keep a migration in a file; a migration of Prisma is a folder. */
const PROGRAM = /\.(sql|[cm]?[jt]s)$/;

/** @throws FaberError plan_failed */
export async function refuseOtherTools(folder: string): Promise<void> {
  const found = (await readdir(folder, { withFileTypes: true })).find((entry) => entry.isFile() && PROGRAM.test(entry.name));
  if (!found) return;
  throw new FaberError({
    code: 'plan_failed',
    message: `${found.name} in ${folder} is no migration of Prisma, which are folders with migration.sql. Nothing was written.`,
    suggestions: ['Set migrations.directory in the faber-db config to the folder of the Prisma migrations', 'Or move the file elsewhere'],
  });
}
