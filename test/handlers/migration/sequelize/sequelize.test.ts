/** Sequelize's own ways: .sequelizerc, queryInterface, transactions that a migration begins itself, umzug beside it. */
import { join } from 'node:path';
import { Sequelize, type QueryInterface } from 'sequelize';
import { SequelizeStorage, Umzug } from 'umzug';
import { beforeAll, describe, expect, it } from 'vitest';
import { sequelize } from '../../../conformance/projects/sequelize.js';
import { benchOf, tables, type Bench } from '../program/support.js';

const program = (up: string, down = "await queryInterface.dropTable('t');", more = '') =>
  `module.exports = {\n  ${more}\n  async up(queryInterface, Sequelize) { ${up} },\n  async down(queryInterface) { ${down} },\n};\n`;
const CREATE = "await queryInterface.createTable('t', { id: { type: Sequelize.INTEGER, primaryKey: true } });";

describe('a migration of Sequelize', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await benchOf(sequelize, {
      'db/steps/01-table.js': program(CREATE),
      'db/steps/02-own.js': program(
        "const own = await queryInterface.sequelize.transaction(); await queryInterface.addColumn('t', 'a', Sequelize.TEXT, { transaction: own }); await own.commit(); await queryInterface.sequelize.transaction(async (t) => { await queryInterface.bulkInsert('t', [{ id: 1, a: 'secret of ana' }], { transaction: t }); }); throw new Error('after its own transactions');",
      ),
      'db/steps/03-inner.js': program(
        "await queryInterface.sequelize.transaction(async (t) => { await queryInterface.addColumn('t', 'b', Sequelize.TEXT, { transaction: t }); throw new Error('inner'); }).catch(() => {}); await queryInterface.addColumn('t', 'c', Sequelize.TEXT);",
        "await queryInterface.removeColumn('t', 'c');",
      ),
      'db/steps/04-index.js': program("await queryInterface.addIndex('t', ['c'], { name: 't_c', concurrently: true });", "await queryInterface.removeIndex('t', 't_c');"),
      'db/steps/05-half.js': program("await queryInterface.sequelize.query(\"INSERT INTO t (id) VALUES (5)\"); throw new Error('half');", '', 'transaction: false,'),
      '.sequelizerc': "const path = require('path'); module.exports = { config: path.resolve('settings.js'), 'migrations-path': path.resolve('db', 'steps') };",
      'settings.js': "module.exports = { development: {}, test: { url: process.env.DATABASE_URL, dialect: 'postgres' } };",
    });
  });

  it('is held by one transaction, also what it does in transactions of its own', async () => {
    expect((await bench.apply('01')).status).toBe('applied');
    const outcome = await bench.apply('02');
    expect(outcome).toMatchObject({ status: 'failed', halfApplied: false, failure: { message: 'it threw Error: after its own transactions' } });
    expect(await bench.db.query('SELECT * FROM t')).toEqual([]);
    expect((await bench.db.query("SELECT FROM information_schema.columns WHERE table_name = 't'")).length).toBe(1);
  });

  it('takes back what its own transaction took back, and keeps the rest', async () => {
    expect((await bench.apply('03')).status).toBe('applied');
    expect((await bench.db.query("SELECT column_name AS name FROM information_schema.columns WHERE table_name = 't' ORDER BY 1")).map(({ name }) => name)).toEqual(['c', 'id']);
  });

  it('runs alone where it needs to, or says so', async () => {
    expect((await bench.find('04')).program?.transaction).toBe('standalone');
    expect((await bench.apply('04')).status).toBe('applied');
    expect(await bench.apply('05')).toMatchObject({ status: 'failed', halfApplied: true, leftovers: ['ran: INSERT INTO t (id) VALUES (?)'] });
    expect((await bench.status()).failed.map(({ name }) => name)).toEqual(['05-half.js']);
  });

  it('stands in the ledger as umzug reads and writes it', async () => {
    const own = new Sequelize(bench.db.url, { logging: false });
    try {
      const storage = new SequelizeStorage({ sequelize: own });
      const umzug = new Umzug<QueryInterface>({
        migrations: { glob: [join(bench.root, 'db/steps/0[1-4]*.js'), {}] }, context: own.getQueryInterface(), storage, logger: undefined,
      });
      expect((await umzug.executed()).map(({ name }) => name)).toEqual(['01-table.js', '03-inner.js', '04-index.js']);
      expect((await umzug.pending()).map(({ name }) => name)).toEqual(['02-own.js']);
      await storage.logMigration({ name: '02-own.js' });
      expect((await bench.status()).applied).toContain('02-own.js');
    } finally {
      await own.close();
    }
  });
});

it('a config for no such environment is told with those that there are', async () => {
  const bench = await benchOf(sequelize, { 'config/config.json': '{"production": {}, "development": {}}' });
  await expect(bench.migrations()).rejects.toMatchObject({ code: 'plan_failed', message: expect.stringMatching(/config\.json has no environment 'test': it has production, development/) });
  expect(await tables(bench)).toEqual([]);
});
