import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectKind } from '../combination.js';
import { linkPackages } from './link-packages.js';

const DIALECTS = { postgresql: 'postgres', mysql: 'mysql', sqlite: 'sqlite' };

export const sequelize: ProjectKind = {
  tool: 'sequelize',
  table: 'SequelizeMeta',
  directory: 'migrations',
  async write(root, samples, { provider }) {
    await rm(join(root, 'migrations'), { recursive: true, force: true });
    await mkdir(join(root, 'migrations'), { recursive: true });
    await mkdir(join(root, 'config'), { recursive: true });
    await linkPackages(root);
    await writeFile(join(root, 'package.json'), JSON.stringify({ private: true }));
    await writeFile(join(root, 'config', 'config.json'), JSON.stringify({ test: { use_env_variable: 'DATABASE_URL', dialect: DIALECTS[provider] } }));
    const method = (direction: string, statements: readonly string[]) => `  async ${direction}(queryInterface) {\n${statements.map((sql) => `    await queryInterface.sequelize.query(${JSON.stringify(sql)});\n`).join('')}  },\n`;
    for (const { name, up, down } of samples) await writeFile(join(root, 'migrations', `${name}.js`), `module.exports = {\n${method('up', up)}${down ? method('down', down) : ''}};\n`);
  },
};
