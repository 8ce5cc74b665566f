/** The real Prisma CLI, unchanged, on projects in temporary folders. Its engine is `prisma-bridge/bridge.mjs`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const ENGINE = fileURLToPath(new URL('prisma-bridge/bridge.mjs', import.meta.url));
const CLI = join(dirname(createRequire(import.meta.url).resolve('prisma/package.json')), 'build', 'index.js');

export interface CliAnswer { exitCode: number; output: string }

/** Runs `prisma …` in a project. Never throws for an exit code: what it says is what tests are about. */
export async function prisma(project: string, url: string, ...args: string[]): Promise<CliAnswer> {
  const { exitCode, all } = await execa(process.execPath, [CLI, ...args], {
    cwd: project,
    all: true,
    reject: false,
    env: { PRISMA_SCHEMA_ENGINE_BINARY: ENGINE, DATABASE_URL: url, CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1', NO_COLOR: '1', CI: '1' },
  });
  return { exitCode: exitCode ?? -1, output: all ?? '' };
}

export const migrateStatus = (project: string, url: string) => prisma(project, url, 'migrate', 'status');
export const migrateDeploy = (project: string, url: string) => prisma(project, url, 'migrate', 'deploy');
export const migrateResolve = (project: string, url: string, as: 'applied' | 'rolled-back', name: string) =>
  prisma(project, url, 'migrate', 'resolve', `--${as}`, name);

/** Bytes, or text that is written as UTF-8. */
export interface ProjectMigration { up: string | Uint8Array; down?: string }

/** A project as Prisma 7 wants it, with these migrations by name. */
export async function writeProject(folder: string, migrations: Record<string, ProjectMigration>, provider = 'postgresql'): Promise<void> {
  await mkdir(join(folder, 'prisma', 'migrations'), { recursive: true });
  await writeFile(join(folder, 'prisma', 'schema.prisma'), `datasource db {\n  provider = "${provider}"\n}\n`);
  // A plain object: the package `prisma/config` cannot be resolved from a temporary folder.
  await writeFile(join(folder, 'prisma.config.mjs'), "export default { schema: 'prisma/schema.prisma', datasource: { url: process.env.DATABASE_URL } };\n");
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, devDependencies: { prisma: '7.10.1' } }));
  await writeFile(join(folder, 'prisma', 'migrations', 'migration_lock.toml'), `provider = "${provider}"\n`);
  for (const [name, { up, down }] of Object.entries(migrations)) {
    const place = join(folder, 'prisma', 'migrations', name);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'migration.sql'), up);
    if (down !== undefined) await writeFile(join(place, 'down.sql'), down);
  }
}
