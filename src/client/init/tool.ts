/** Which tool a project migrates with, and on which database system. */
import { basename, dirname, join } from 'node:path/posix';
import { USUAL_MIGRATIONS, type MigrationTool, type Provider } from '../../contract/settings.js';
import type { ProjectFile } from './files.js';

export interface FoundTool {
  tool: MigrationTool;
  /** The file that says so. */
  because: string;
}

/** A file that only this tool has. */
const OWN_FILE: Record<MigrationTool, (file: ProjectFile) => boolean> = {
  prisma: ({ path, text }) => /(^|\/)(prisma\.config\.|\.config\/prisma\.)/.test(path) || isDatasource(path, text),
  knex: ({ path }) => basename(path).startsWith('knexfile.'),
  sequelize: ({ path }) => basename(path) === '.sequelizerc',
  typeorm: ({ path, text }) => basename(path).startsWith('ormconfig.') || (/^data-?source\./i.test(basename(path)) && text.includes('typeorm')),
};

const PACKAGES: Record<MigrationTool, readonly string[]> = {
  prisma: ['prisma', '@prisma/client'], knex: ['knex'], sequelize: ['sequelize-cli', 'sequelize', 'umzug'], typeorm: ['typeorm'],
};

const isDatasource = (path: string, text: string) => path.endsWith('.prisma') && /^\s*datasource\s+\w+\s*\{/m.test(text);

/** The tools that the project may migrate with: by their own files, else by its packages. One: it is that. */
export function findTools(files: readonly ProjectFile[]): FoundTool[] {
  const tools = Object.keys(OWN_FILE) as MigrationTool[];
  const first = (of: (tool: MigrationTool, file: ProjectFile) => boolean) =>
    tools.flatMap((tool): FoundTool[] => {
      const file = files.find((one) => of(tool, one));
      return file ? [{ tool, because: file.path }] : [];
    });
  const byFile = first((tool, file) => OWN_FILE[tool](file));
  return byFile.length > 0 ? byFile : first((tool, file) => basename(file.path) === 'package.json' && PACKAGES[tool].some((name) => packagesIn(file).has(name)));
}

function packagesIn({ text }: ProjectFile): Set<string> {
  try {
    const { dependencies, devDependencies } = JSON.parse(text) as Record<string, Record<string, unknown> | undefined>;
    return new Set([...Object.keys(dependencies ?? {}), ...Object.keys(devDependencies ?? {})]);
  } catch {
    return new Set();
  }
}

/** Prisma's files with a datasource: one is the project's schema, several are several projects. */
export function prismaSchemas(files: readonly ProjectFile[]): ProjectFile[] {
  return files.filter(({ path, text }) => isDatasource(path, text));
}

const SYSTEMS: Record<string, Provider> = {
  postgresql: 'postgresql', postgres: 'postgresql', pg: 'postgresql', 'pg-native': 'postgresql',
  mysql: 'mysql', mysql2: 'mysql', mariadb: 'mysql', sqlite: 'sqlite', sqlite3: 'sqlite', 'better-sqlite3': 'sqlite',
};

/** Where each tool names the database system. */
const NAMED: Record<MigrationTool, RegExp> = {
  prisma: /^\s*provider\s*=\s*["']([^"']+)["']/m,
  knex: /\bclient['"]?\s*:\s*['"]([^'"]+)['"]/,
  sequelize: /\bdialect['"]?\s*:\s*['"]([^'"]+)['"]/,
  typeorm: /\btype['"]?\s*:\s*['"]([^'"]+)['"]/,
};

/** @returns as the project writes it, and what that is for us; null where nothing says. */
export function findProvider(tool: MigrationTool, files: readonly ProjectFile[]): { written: string; provider: Provider | null } | null {
  const telling = files.filter((file) => (tool === 'prisma' ? isDatasource(file.path, file.text) || basename(file.path) === 'migration_lock.toml' : !file.path.endsWith('.prisma') && basename(file.path) !== 'package.json'));
  for (const { path, text } of telling) {
    // A generator has a provider too.
    const written = NAMED[tool].exec(path.endsWith('.prisma') ? (/^\s*datasource\s[\s\S]*?\}/m.exec(text)?.[0] ?? '') : text)?.[1];
    const provider = SYSTEMS[written ?? ''] ?? null;
    // Code says `type` of many things; a datasource says `provider` of one.
    if (written !== undefined && (provider !== null || tool === 'prisma')) return { written, provider };
  }
  const drivers = new Set(files.filter(({ path }) => basename(path) === 'package.json').flatMap((file) => [...packagesIn(file)]).flatMap((name) => SYSTEMS[name] ?? []));
  const [only] = drivers;
  return drivers.size === 1 && only ? { written: only, provider: only } : null;
}

/** The folder of the migrations, and the tool's ledger. */
export function findMigrations(tool: MigrationTool, files: readonly ProjectFile[]): { directory: string; table: string } {
  if (tool !== 'prisma') return USUAL_MIGRATIONS[tool];
  const lock = files.find(({ path }) => basename(path) === 'migration_lock.toml');
  const [schema] = prismaSchemas(files);
  const directory = lock ? dirname(lock.path) : schema ? join(dirname(schema.path), 'migrations') : USUAL_MIGRATIONS.prisma.directory;
  return { ...USUAL_MIGRATIONS.prisma, directory };
}
