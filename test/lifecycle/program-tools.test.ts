/** Whole operations with Knex, TypeORM and Sequelize, on the projects in examples/. */
import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse, PlanSummary, SuccessResponse } from '../../src/contract/index.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const TOOLS = ['knex', 'typeorm', 'sequelize'] as const;
type Tool = (typeof TOOLS)[number];

/** The next release: a migration that works, and one that fails on the rows that are there. */
const RELEASE: Record<Tool, { path: (name: string) => string; good: string; bad: string; names: [string, string] }> = {
  knex: {
    path: (name) => `migrations/${name}.js`,
    good: "exports.up = (knex) => knex.schema.table('orders', (table) => { table.text('note'); });\nexports.down = (knex) => knex.schema.table('orders', (table) => { table.dropColumn('note'); });\n",
    bad: "exports.up = (knex) => knex.schema.table('customers', (table) => { table.unique('email'); });\nexports.down = async () => {};\n",
    names: ['20260202090000_note.js', '20260202091000_unique.js'],
  },
  typeorm: {
    path: (name) => `src/migrations/${name}.ts`,
    good: "export class Note1770022800000 {\n  async up(run: any) { await run.query('ALTER TABLE orders ADD COLUMN note text'); }\n  async down(run: any) { await run.query('ALTER TABLE orders DROP COLUMN note'); }\n}\n",
    bad: "export class Unique1770023400000 {\n  async up(run: any) { await run.query('CREATE UNIQUE INDEX one_email ON customers (email)'); }\n  async down(run: any) {}\n}\n",
    names: ['Note1770022800000', 'Unique1770023400000'],
  },
  sequelize: {
    path: (name) => `migrations/${name}.js`,
    good: "module.exports = { up: (on, Sequelize) => on.addColumn('orders', 'note', Sequelize.TEXT), down: (on) => on.removeColumn('orders', 'note') };\n",
    bad: "module.exports = { up: (on) => on.addIndex('customers', ['email'], { unique: true }), down: async () => {} };\n",
    names: ['20260202090000_note.js', '20260202091000_unique.js'],
  },
};

let stacks: Record<Tool, Stack>;
beforeAll(async () => {
  const backup = { verify: 'checked' };
  stacks = await createStacks({ knex: { backup }, typeorm: { backup }, sequelize: { backup } });
  for (const tool of TOOLS) await useExample(stacks[tool], tool);
});

async function useExample({ directory }: Stack, tool: Tool): Promise<void> {
  const file = join(directory, '.fractary/plugins/faber-db/config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as { database: object; migrations?: object };
  await rm(join(directory, 'prisma'), { recursive: true });
  await cp(join('examples', `shop-${tool}`), directory, { recursive: true });
  delete config.migrations;
  await writeFile(file, JSON.stringify({ ...config, database: { ...config.database, migration_tool: tool } }));
  await symlink(join(process.cwd(), 'node_modules'), join(directory, 'node_modules'));
}

describe('a project of', () => {
  it.concurrent.each(TOOLS)('%s applies what was approved, undoes a release that fails, and rolls back by its own downs', async (tool) => {
    const stack = stacks[tool];
    const first = await stack.start('migrate');
    const { plan } = await first.approve();
    const count = plan!.migrations.length;
    expect(plan!.migrations.every(({ files, down_sha256 }) => files!.length >= 2 && down_sha256 !== null)).toBe(true);
    expect(plan!.evidence.findings.map(({ message }) => message).join('\n')).toMatch(/Sends, as tried on an empty database: (CREATE|create) (TABLE|table)/);
    expect(await first.answer()).toMatchObject({ status: 'success', result: { migrations_applied: count, health_check: 'passed' } });
    expect(await stack.database.query('SELECT count(*)::int AS n FROM customers')).toEqual([{ n: 3 }]);

    const { path, good, bad, names } = RELEASE[tool];
    await writeFile(join(stack.directory, path('20260202090000_note')), good);
    await writeFile(join(stack.directory, path('20260202091000_unique')), bad);
    const second = await stack.start('migrate');
    await second.approve();
    const failed = (await second.answer()) as ErrorResponse;
    expect(failed).toMatchObject({ code: 'migration_failed', result: { failed_migration: names[1], sql_state: '23505', rollback: { status: 'undone', by: 'down', verified: true } } });
    expect(JSON.stringify(failed)).not.toContain('dana@');
    const status = (await (await stack.start('status')).answer()) as SuccessResponse;
    expect(JSON.stringify(status.result)).toMatch(/"status":"none"/);
    const [found] = (status.result['environments'] as { environment: string; migrations: object }[]).filter(({ environment }) => environment === 'production');
    expect(found!.migrations).toMatchObject({ applied: { count }, pending: { count: 2, names }, failed: { count: 0 } });

    const back = await stack.start('rollback', { steps: 1 });
    const approved = (await back.approve()).plan as PlanSummary;
    expect(await back.answer()).toMatchObject({ status: 'success', result: { reverted: [approved.migrations[0]!.name], by: 'down' } });
  });
});
