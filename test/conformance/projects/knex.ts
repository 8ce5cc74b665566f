import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectKind } from '../combination.js';
import { linkPackages } from './link-packages.js';

const CLIENTS = { postgresql: 'pg', mysql: 'mysql2', sqlite: 'better-sqlite3' };

export const knex: ProjectKind = {
  tool: 'knex',
  table: 'knex_migrations',
  directory: 'migrations',
  async write(root, samples, system) {
    await rm(join(root, 'migrations'), { recursive: true, force: true });
    await mkdir(join(root, 'migrations'), { recursive: true });
    await linkPackages(root);
    await writeFile(join(root, 'package.json'), JSON.stringify({ private: true }));
    await writeFile(join(root, 'knexfile.js'), `module.exports = { client: '${CLIENTS[system.provider]}', connection: process.env.DATABASE_URL };\n`);
    const all = (direction: string, statements: readonly string[]) => `exports.${direction} = async (knex) => {\n${statements.map((sql) => `  await knex.raw(${JSON.stringify(sql)});\n`).join('')}};\n`;
    for (const { name, up, down } of samples) await writeFile(join(root, 'migrations', `${name}.js`), `${all('up', up)}${down ? all('down', down) : ''}`);
  },
};
