/** A project as somebody wrote it, on a database of its own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Migration, StepContext, StepOutcome } from '../../../../src/handlers/migration/contract.js';
import { openScene, type ProjectKind, type Scene } from '../../../conformance/combination.js';
import { knex } from '../../../conformance/projects/knex.js';
import { postgresql } from '../../../conformance/systems/postgresql.js';

export interface Bench extends Scene {
  files(files: Record<string, string>): Promise<void>;
  find(name: string): Promise<Migration>;
  apply(name: string, more?: Partial<StepContext>): Promise<StepOutcome>;
}

/** @param files by their paths */
export async function benchOf(project: ProjectKind, files: Record<string, string>): Promise<Bench> {
  const scene = await openScene({ project, system: postgresql }, []);
  const write = async (all: Record<string, string>) => {
    for (const [path, text] of Object.entries(all)) {
      await mkdir(dirname(join(scene.root, path)), { recursive: true });
      await writeFile(join(scene.root, path), text);
    }
  };
  await write(files);
  const find = async (name: string) => {
    const found = (await scene.migrations()).find((migration) => migration.name.startsWith(name));
    if (!found) throw new Error(`the project has no ${name}`);
    return found;
  };
  const apply = async (name: string, more: Partial<StepContext> = {}) => scene.tool.apply(await find(name), { ...scene.context, ...more });
  return { ...scene, files: write, find, apply };
}

export const knexBench = (files: Record<string, string>) => benchOf(knex, files);

/** A migration of Knex with this up, and a down that drops `t`. */
export const up = (body: string, more = '') => `${more}
exports.up = async (knex) => {
  ${body}
};
exports.down = async (knex) => { await knex.raw('DROP TABLE IF EXISTS t'); };
`;

/** Without those of the tools. */
export const tables = async ({ db }: Bench) =>
  (await db.query("SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname !~ '^knex|^Sequelize|^migrations$' ORDER BY 1")).map(({ name }) => name);
