import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectKind } from '../combination.js';

/** Of the worked example in docs/handlers.md. */
export const dbmate: ProjectKind = {
  tool: 'dbmate',
  table: 'schema_migrations',
  directory: 'db/migrations',
  async write(root, samples) {
    const folder = join(root, 'db', 'migrations');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const script = (statements: string[] = []) => statements.map((statement) => `${statement};\n`).join('');
    for (const { name, up, down } of samples) await writeFile(join(folder, `${name}.sql`), `-- migrate:up\n${script(up)}${down ? `-- migrate:down\n${script(down)}` : ''}`);
  },
};
