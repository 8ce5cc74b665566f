import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectKind, System } from '../combination.js';
import { linkPackages } from './link-packages.js';

const dataSource = ({ provider }: System, entities: string) => `import 'reflect-metadata';
import { DataSource } from 'typeorm';
${entities}
export default new DataSource({
  type: '${{ postgresql: 'postgres', mysql: 'mysql', sqlite: 'better-sqlite3' }[provider]}', ${provider === 'sqlite' ? "database: process.env.DATABASE_URL!.replace('file:', '')" : 'url: process.env.DATABASE_URL'},
  migrations: [__dirname + '/migrations/*.ts'],
  synchronize: true,
});
`;

const ITEM = `import { Column, Entity, PrimaryColumn } from 'typeorm';
@Entity('item')
export class Item {
  @PrimaryColumn() id!: number;
  @Column({ length: 100 }) name!: string;
  @Column({ length: 100, nullable: true }) note!: string;
}
`;

/** Milliseconds of the time in a sample's name. */
const timeOf = (name: string) => Date.parse(name.slice(0, 8).replace(/(....)(..)(..)/, '$1-$2-$3'));

export const typeorm: ProjectKind = {
  tool: 'typeorm',
  table: 'migrations',
  directory: 'src/migrations',
  async write(root, samples, system) {
    await rm(join(root, 'src', 'migrations'), { recursive: true, force: true });
    await mkdir(join(root, 'src', 'migrations'), { recursive: true });
    await linkPackages(root);
    await writeFile(join(root, 'package.json'), JSON.stringify({ private: true }));
    await writeFile(join(root, 'src', 'data-source.ts'), dataSource(system, ''));
    const method = (direction: string, statements: readonly string[]) => `  async ${direction}(queryRunner: QueryRunner): Promise<void> {\n${statements.map((sql) => `    await queryRunner.query(${JSON.stringify(sql)});\n`).join('')}  }\n`;
    for (const { name, up, down } of samples) {
      const text = `import type { QueryRunner } from 'typeorm';\nexport class Sample {\n  name = '${name}${timeOf(name)}';\n${method('up', up)}${down ? method('down', down) : ''}}\n`;
      await writeFile(join(root, 'src', 'migrations', `${name}.ts`), text);
    }
  },
  async wantColumn(root, system) {
    await writeFile(join(root, 'src', 'item.ts'), ITEM);
    await writeFile(join(root, 'src', 'data-source.ts'), dataSource(system, "import { Item } from './item';\n").replace('synchronize', 'entities: [Item],\n  synchronize'));
  },
};
