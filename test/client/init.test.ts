/** `faber-db init` on projects of all kinds, with and without somebody to ask. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/client/cli/main.js';
import { Config, CONFIG_PATH } from '../../src/contract/config.js';
import { loadSettings } from '../../src/handlers/config-file.js';
import { tempDir } from '../support/temp.js';

async function project(files: Record<string, string>): Promise<string> {
  const directory = await tempDir();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return directory;
}

interface Ran { code: number; out: string; err: string }

/** @param types answers of a person at the terminal, one a question; null: there is nobody */
async function init(directory: string, argv: string[] = [], types: string[] | null = null): Promise<Ran> {
  const isTTY = types !== null;
  const stdin = Object.assign(new PassThrough(), { isTTY });
  const stdout = new PassThrough();
  const stderr = Object.assign(new PassThrough(), { isTTY });
  const ran = { out: '', err: '' };
  stdout.on('data', (part: Buffer) => (ran.out += part.toString()));
  const answers = [...(types ?? [])];
  stderr.on('data', (part: Buffer) => {
    ran.err += part.toString();
    if (part.toString().includes('?')) stdin.write(`${answers.shift() ?? ''}\n`);
  });
  const env = { CLAUDE_DB_CWD: directory };
  const code = await main(['init', ...argv], { stdin, stdout, stderr, env, invokedAs: 'npx faber-db', signal: new AbortController().signal });
  await new Promise((done) => setImmediate(done));
  return { code, ...ran };
}

const configIn = async (directory: string) => JSON.parse(await readFile(join(directory, CONFIG_PATH), 'utf8')) as Config & { $schema: string };
const variables = ({ environments }: Config) => Object.fromEntries(Object.entries(environments).map(([name, { connection_string_env }]) => [name, connection_string_env]));

const PRISMA_6 = 'generator client {\n  provider = "prisma-client-js"\n}\ndatasource db {\n  provider  = "postgresql"\n  url       = env("DATABASE_URL")\n  directUrl = env("DIRECT_URL")\n  shadowDatabaseUrl = env("SHADOW_DATABASE_URL")\n}\n';
const DATASOURCE = 'datasource db {\n  provider = "postgresql"\n}\n';

describe('finds', () => {
  it('a Prisma project, says what comes next, and the worker loads the config without a remark', async () => {
    const directory = await project({
      'package.json': '{"devDependencies": {"prisma": "7"}}', 'prisma/schema.prisma': DATASOURCE, 'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
      'prisma.config.ts': "export default defineConfig({ datasource: { url: env('DATABASE_URL') } })", '.env': 'DATABASE_URL="postgresql://me:topsecret@localhost/x"\nPROD_URL=postgresql://prod:topsecret@db/x\nAPI_KEY=x\n',
    });
    const { code, out, err } = await init(directory);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('(prisma on postgresql, by prisma/schema.prisma)');
    expect(out).toMatch(/dev +DATABASE_URL\n +staging +STAGING_DATABASE_URL\n +production +PROD_URL\n/);
    expect(out).toContain('\n    npx faber-db dev\n');
    expect(out.trimEnd()).toMatch(/\n {4}npx faber-db preview dev$/);
    expect(out + (await readFile(join(directory, CONFIG_PATH), 'utf8'))).not.toContain('topsecret');
    for (const environment of ['dev', 'staging', 'production']) expect((await loadSettings(directory, environment, {})).warnings).toEqual([]);
    expect(await loadSettings(directory, 'production', {})).toMatchObject({ protected: true, connection_string_env: 'PROD_URL', migrations: { directory: join(directory, 'prisma', 'migrations') } });
  });

  it.each<[title: string, files: Record<string, string>, expected: Record<string, unknown>]>([
    ['Prisma 6 with a pooler', { 'prisma/schema.prisma': PRISMA_6 }, { tool: 'prisma', provider: 'postgresql', schema: 'prisma/schema.prisma', migrations_directory: 'prisma/migrations', variables: ['DATABASE_URL', 'STAGING_DATABASE_URL', 'PROD_DATABASE_URL'] }],
    ['a folder of schema files elsewhere', { 'db/schema/main.prisma': DATASOURCE, 'db/schema/user.prisma': 'model User {\n id Int @id\n}', 'db/migrations/migration_lock.toml': 'provider = "postgresql"' }, { tool: 'prisma', schema: 'db/schema/main.prisma', migrations_directory: 'db/migrations' }],
    ['Knex beside packages of others', { 'package.json': '{"dependencies": {"knex": "3", "pg": "8", "sequelize": "6"}}', 'knexfile.js': "module.exports = { client: 'pg', connection: process.env.KNEX_URL }" }, { tool: 'knex', provider: 'postgresql', variables: ['KNEX_URL', 'STAGING_DATABASE_URL', 'PROD_DATABASE_URL'] }],
    ['Sequelize by its packages', { 'package.json': '{"dependencies": {"sequelize": "6", "mysql2": "3"}}' }, { tool: 'sequelize', provider: 'mysql' }],
    ['TypeORM by its data source', { 'config.js': "export default { type: 'module' }", 'src/data-source.ts': "import { DataSource } from 'typeorm';\nexport default new DataSource({ type: 'postgres', url: process.env['PG_URI'] })" }, { tool: 'typeorm', provider: 'postgresql', variables: ['PG_URI', 'STAGING_DATABASE_URL', 'PROD_DATABASE_URL'] }],
    ['nothing in what is installed', { 'node_modules/x/prisma/schema.prisma': DATASOURCE.replace('postgresql', 'sqlite'), 'schema.prisma': DATASOURCE }, { tool: 'prisma', provider: 'postgresql', schema: 'schema.prisma' }],
  ])('%s', async (_title, files, expected) => {
    const directory = await project(files);
    const { code, out } = await init(directory, ['--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ status: 'success', operation: 'init', result: expected });
    Config.parse(await configIn(directory));
  });

  it('the route around a pooler', async () => {
    const directory = await project({ 'prisma/schema.prisma': PRISMA_6 });
    await init(directory);
    expect((await configIn(directory)).environments['dev']).toEqual({ connection_string_env: 'DATABASE_URL', direct_connection_string_env: 'DIRECT_URL', protected: false });
  });

  it('and says when this release does not run what it found', async () => {
    const directory = await project({ 'knexfile.js': "module.exports = { client: 'mysql2' }" });
    expect((await init(directory)).out).toContain("Note: database.migration_tool 'knex' is not supported on mysql by this release");
  });
});

describe('points editors to a schema that is there and knows the config', () => {
  it.each<[title: string, files: Record<string, string>, place: string]>([
    ['beside the config', {}, '.fractary/plugins/faber-db/config.schema.json'],
    ['in the installed package', {
      'node_modules/faber-db/package.json': JSON.stringify({ name: 'faber-db', exports: { './config.schema.json': './dist/config.schema.json' } }),
      'node_modules/faber-db/dist/config.schema.json': '{"properties": {"database": {}}}',
    }, 'node_modules/faber-db/dist/config.schema.json'],
  ])('%s', async (_title, files, place) => {
    const directory = await project({ 'prisma/schema.prisma': DATASOURCE, ...files });
    await init(directory);
    const { $schema } = await configIn(directory);
    const found = resolve(dirname(join(directory, CONFIG_PATH)), $schema);
    expect(found).toBe(join(directory, place));
    expect(JSON.parse(await readFile(found, 'utf8'))).toMatchObject({ properties: { database: {} } });
  });
});

describe('without an answer', () => {
  it.each<[title: string, files: Record<string, string>, argv: string[], says: RegExp]>([
    ['no tool', {}, [], /does not tell the migration tool.*--tool prisma\|typeorm\|sequelize\|knex.*--yes/s],
    ['two tools', { 'prisma/schema.prisma': DATASOURCE, 'knexfile.js': '' }, [], /it has prisma \(prisma\/schema\.prisma\) and knex \(knexfile\.js\)/],
    ['no database system', { 'knexfile.js': '' }, [], /does not tell the database system.*--provider/s],
    ['several schemas', { 'packages/a/schema.prisma': DATASOURCE, 'packages/b/schema.prisma': DATASOURCE }, ['--yes'], /several Prisma schemas: packages\/a.*packages\/b.*--working-directory/s],
    ['a system that nothing is for', { 'schema.prisma': DATASOURCE.replace('postgresql', 'mongodb') }, ['--yes'], /"mongodb", which faber-db does not run on/],
    ['a wrong name', { 'schema.prisma': DATASOURCE }, ['--environments', 'a b'], /'a b' is no name/],
  ])('%s is an error that says what to do, and nothing is written', async (_title, files, argv, says) => {
    const directory = await project(files);
    const { code, out, err } = await init(directory, argv);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(says);
    expect(await readdir(directory)).not.toContain('.fractary');
  });

  it('--yes takes the usual', async () => {
    const directory = await project({});
    expect((await init(directory, ['--yes', '--environments', 'test,main'])).code).toBe(0);
    const config = await configIn(directory);
    expect(config.database).toEqual({ provider: 'postgresql', hosting: 'local', migration_tool: 'prisma' });
    expect(variables(config)).toEqual({ test: 'TEST_DATABASE_URL', main: 'MAIN_DATABASE_URL' });
  });
});

describe('on a terminal', () => {
  it('asks what the project does not tell, again where the answer fits nothing, and nothing else', async () => {
    const directory = await project({ 'knexfile.js': 'process.env.DATABASE_URL', 'prisma/schema.prisma': DATASOURCE });
    const { code, err } = await init(directory, [], ['liquibase', 'prisma', 'dev, live', 'postgresql://me@db/x', 'LIVE_URL']);
    expect(code).toBe(0);
    expect(err.match(/\?/g)).toHaveLength(5);
    expect(err).not.toMatch(/system|URL of dev/);
    expect(err).toContain("It must be the name of an environment variable, never a URL. Name of the variable with the URL of live's database?");
    const config = await configIn(directory);
    expect([config.database.migration_tool, variables(config)]).toEqual(['prisma', { dev: 'DATABASE_URL', live: 'LIVE_URL' }]);
  });

  it('gives up after three wrong answers', async () => {
    const directory = await project({});
    expect(await init(directory, [], ['a', 'b', 'c'])).toMatchObject({ code: 1, err: expect.stringContaining('must be one of prisma') as string });
    expect(existsSync(join(directory, CONFIG_PATH))).toBe(false);
  });
});

it('never writes over a config, unless it is told to', async () => {
  const directory = await project({ 'prisma/schema.prisma': DATASOURCE, [CONFIG_PATH]: '{"mine": true}' });
  expect(await init(directory, ['--yes'])).toMatchObject({ code: 1, err: expect.stringMatching(/is there already\n.*left as it is\n.*--force/s) as string });
  expect(await configIn(directory)).toEqual({ mine: true });
  expect((await init(directory, ['--force'])).code).toBe(0);
  expect(await configIn(directory)).toMatchObject({ schema_version: '1.0' });
  expect((await readdir(dirname(join(directory, CONFIG_PATH)))).sort()).toEqual(['config.json', 'config.schema.json']);
});
