/** TypeORM's own ways: a DataSource with entities, both major versions, migrations from entities. */
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { typeorm } from '../../../conformance/projects/typeorm.js';
import { benchOf, tables } from '../program/support.js';

const PACKAGES = fileURLToPath(new URL('../../../../node_modules/', import.meta.url));

const migration = (name: string, up: string, down: string, more = '') =>
  `import { MigrationInterface, QueryRunner } from 'typeorm';\nexport class ${name} implements MigrationInterface {\n  ${more}\n  async up(queryRunner: QueryRunner): Promise<void> { ${up} }\n  async down(queryRunner: QueryRunner): Promise<void> { ${down} }\n}\n`;

const ENTITIES = {
  'src/customer.entity.ts': `import { Column, Entity, OneToMany, PrimaryGeneratedColumn } from 'typeorm';
import { Order } from './order.entity';
@Entity()
export class Customer {
  @PrimaryGeneratedColumn('uuid') id!: string;
  @Column({ unique: true }) email!: string;
  @Column({ default: 'it\`s \${not} code' }) note!: string;
  @OneToMany(() => Order, (order) => order.customer) orders!: Order[];
}
`,
  'src/order.entity.ts': `import { Column, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { Customer } from './customer.entity';
@Entity('orders')
export class Order {
  @PrimaryGeneratedColumn() id!: number;
  @Column() total!: number;
  @Column() placed!: Date;
  @ManyToOne('Customer', 'orders') customer!: import('./customer.entity').Customer;
}
`,
};

const SOURCE = `import { DataSource } from 'typeorm';
export const AppDataSource = new DataSource({
  type: 'postgres', url: process.env.DATABASE_URL, synchronize: true, dropSchema: true, migrationsRun: true,
  entities: ['src/*.entity.ts'], migrations: ['src/migrations/*.ts'],
});
`;

/** A project whose package is another version of TypeORM. */
async function usePackage(root: string, name: string): Promise<void> {
  await rm(join(root, 'node_modules'), { recursive: true, force: true });
  await mkdir(join(root, 'node_modules'));
  await symlink(join(PACKAGES, name), join(root, 'node_modules', 'typeorm'));
  for (const other of ['pg', 'reflect-metadata']) await symlink(join(PACKAGES, other), join(root, 'node_modules', other));
}

describe.each(['typeorm', 'typeorm-0.3'])('%s', (version) => {
  it('runs, reverts, and makes a migration of the entities that it then sees nothing more to do after', async () => {
    const bench = await benchOf(typeorm, { ...ENTITIES, 'src/data-source.ts': SOURCE });
    await usePackage(bench.root, version);
    const request = { name: 'first tables', operationId: 'op-9', at: 1_767_225_600_000, signal: bench.context.signal, onProgress: () => {} };
    const made = await bench.tool.generate(bench.target, bench.settings, request);
    expect(made).toMatchObject({ migration: { name: 'FirstTables1767225600000', file: 'src/migrations/1767225600000-FirstTables.ts' }, findings: [] });
    expect(await readFile(join(bench.root, made.migration!.file), 'utf8')).toContain("it\\`s \\${not} code");
    // An attempt after a crash finds it.
    expect((await bench.tool.generate(bench.target, bench.settings, request)).migration?.name).toBe(made.migration!.name);
    expect((await bench.tool.generate(bench.target, bench.settings, { ...request, operationId: 'op-10', at: request.at + 1 })).migration).toBeNull();
    // The config would drop and synchronise: nothing of that happened.
    expect(await tables(bench)).toEqual([]);
    expect((await bench.apply('FirstTables')).status).toBe('applied');
    expect(await tables(bench)).toEqual(['customer', 'orders']);
    expect((await bench.tool.revert(made.migration!, bench.context)).status).toBe('reverted');
    expect(await tables(bench)).toEqual([]);
  });
});

it('a migration that wants no transaction runs alone; repositories work in those that are held by one', async () => {
  const bench = await benchOf(typeorm, {
    ...ENTITIES, 'src/data-source.ts': SOURCE,
    'src/migrations/1-first.ts': migration('First1767225600001', "await queryRunner.query('CREATE TABLE orders (id serial PRIMARY KEY, total int, placed timestamp, \"customerId\" uuid)');", "await queryRunner.query('DROP TABLE orders');"),
    'src/migrations/2-rows.ts': migration('Rows1767225600002', "await queryRunner.manager.getRepository('Order').insert({ total: 5, placed: new Date() }); throw new Error('taken back');", ''),
    'src/migrations/3-index.ts': migration('Index1767225600003', "await queryRunner.query('CREATE INDEX CONCURRENTLY by_total ON orders (total)');", '', 'transaction = false as const;'),
  });
  expect((await bench.apply('First')).status).toBe('applied');
  expect(await bench.apply('Rows')).toMatchObject({ status: 'failed', halfApplied: false, failure: { message: 'it threw Error: taken back' } });
  expect(await bench.db.query('SELECT FROM orders')).toEqual([]);
  expect((await bench.find('Index')).program?.transaction).toBe('standalone');
  expect((await bench.apply('Index')).status).toBe('applied');
  expect((await bench.status()).applied).toEqual(['First1767225600001', 'Index1767225600003']);
});

it('a class that the DataSource names itself is found by its file; what is no TypeORM says so', async () => {
  const bench = await benchOf(typeorm, {
    'src/data-source.ts': "import { DataSource } from 'typeorm';\nimport { First1767225600001 } from './migrations/first';\nexport default new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, migrations: [First1767225600001] });\n",
    'src/migrations/first.ts': migration('First1767225600001', '', ''),
  });
  expect((await bench.migrations()).map(({ file }) => file)).toEqual(['src/migrations/first.ts']);
  await writeFile(join(bench.root, 'src/data-source.ts'), 'export default {};\n');
  await expect(bench.tool.readProject(bench.settings)).rejects.toMatchObject({ code: 'plan_failed', message: expect.stringMatching(/exports no DataSource/) });
});
