/** A Prisma project with a datamodel, on a database of its own, and the handler that generates its migrations. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GeneratedMigration } from '../../../../../src/handlers/migration/contract.js';
import { inDist } from '../../../../support/dist.js';
import { asAdmin } from '../../../../support/postgres.js';
import { bench, type Bench } from '../support.js';

export const DATASOURCE = 'datasource db {\n  provider = "postgresql"\n}\n';

export interface Project extends Bench {
  /** Writes the datamodel; the datasource goes without saying. */
  model(text: string): Promise<void>;
  generate(name: string, options?: { operationId?: string; at?: number; signal?: AbortSignal }): Promise<GeneratedMigration>;
  /** The two scripts of a migration as they lie in the project. */
  scripts(generated: GeneratedMigration): Promise<{ up: string; down: string | null }>;
  /** Scratch databases of this project's role that are still there. */
  scratchDatabases(): Promise<unknown[]>;
}

let operations = 0;

/** @param schema for `?schema=` */
export async function project(migrations: Parameters<typeof bench>[0] = {}, schema?: string): Promise<Project> {
  // The engine's process runs what is built.
  await inDist();
  const made = await bench(migrations, schema);
  const { root, handler, target, context, db } = made;
  return {
    ...made,
    model: (text) => writeFile(join(root, 'prisma', 'schema.prisma'), DATASOURCE + text),
    async generate(name, { operationId = `generate-${++operations}`, at = Date.now(), signal = context.signal } = {}) {
      return handler.generate(target, context.settings, { name, operationId, at, signal, onProgress: () => {} });
    },
    async scripts({ path }) {
      const read = (file: string) => readFile(join(root, path!, file), 'utf8');
      return { up: await read('migration.sql'), down: await read('down.sql').catch(() => null) };
    },
    scratchDatabases: () => asAdmin("SELECT datname FROM pg_database WHERE datname LIKE 'faber_db_scratch_%' AND pg_get_userbyid(datdba) = $1", [db.role.name]),
  };
}
