import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeProject } from '../../support/prisma-cli.js';
import type { ProjectKind, System } from '../combination.js';

const datasource = ({ provider }: System) => `datasource db {\n  provider = "${provider}"\n}\n`;

export const prisma: ProjectKind = {
  tool: 'prisma',
  table: '_prisma_migrations',
  directory: 'prisma/migrations',
  async write(root, samples, system) {
    await rm(join(root, 'prisma'), { recursive: true, force: true });
    const script = (statements: string[]) => statements.map((statement) => `${statement};\n`).join('');
    await writeProject(root, Object.fromEntries(samples.map(({ name, up, down }) => [name, { up: script(up), ...(down ? { down: script(down) } : {}) }])));
    await writeFile(join(root, 'prisma', 'schema.prisma'), datasource(system));
    await writeFile(join(root, 'prisma', 'migrations', 'migration_lock.toml'), `provider = "${system.provider}"\n`);
  },
  async wantColumn(root, system) {
    const model = `model item {\n  id Int @id\n  name String${system.provider === 'sqlite' ? '' : ' @db.VarChar(100)'}\n  note String?\n}\n`;
    await writeFile(join(root, 'prisma', 'schema.prisma'), datasource(system) + model);
  },
};
