/** Scripts that MySQL commits statement by statement: cut off, failed in the middle, taken back. */
import { expect, it } from 'vitest';
import { openScene, type Sample, type Scene } from '../../../../conformance/combination.js';
import { prisma } from '../../../../conformance/projects/prisma.js';
import { mysqlSystem } from '../../../../conformance/systems/mysql.js';

const ITEM: Sample = { name: '20260101000000_item', up: ['CREATE TABLE item (id INT PRIMARY KEY, name VARCHAR(100) NOT NULL)', "INSERT INTO item VALUES (1, 'one')"] };
const second = (...up: string[]): Sample => ({ name: '20260102000000_second', up });

async function scene(...up: string[]): Promise<Scene> {
  const opened = await openScene({ system: mysqlSystem, project: prisma }, [ITEM, second(...up)]);
  expect((await opened.tool.apply((await opened.migrations())[0]!, opened.context)).status).toBe('applied');
  return opened;
}

const applySecond = async (opened: Scene, context = opened.context) => opened.tool.apply((await opened.migrations())[1]!, context);
const columns = async ({ db }: Scene) => (await db.query('SHOW COLUMNS FROM item')).map((row) => row['Field']);
const book = async ({ db, target }: Scene, table: string) => db.query(`SELECT * FROM \`${target.database}_faber_db\`.${table}`);
const fingerprint = ({ database, target }: Scene) => database.schemaFingerprint(target);

/** Applies until a statement waits for a lock of `item`, and ends the attempt as the death of a worker does. */
async function cutOffAt(opened: Scene, position: number): Promise<void> {
  const release = await opened.db.holdItem();
  const applying = applySecond(opened, { ...opened.context, lockTimeoutSeconds: 60 }).then(() => 'applied', (error: Error) => error.message);
  await expect.poll(async () => (await book(opened, 'statements')).map((row) => `${String(row['position'])} ${String(row['state'])}`), { timeout: 20_000 }).toContain(`${position} begun`);
  opened.context = await opened.takeOver('op-1');
  expect(await applying).toMatch(/broke|ended|taken over/);
  await release();
}

it('goes on where it was cut off, and runs each statement once', async () => {
  const opened = await scene('CREATE TABLE a (id INT)', 'ALTER TABLE item ADD COLUMN note INT', 'INSERT INTO a VALUES (1)');
  await cutOffAt(opened, 1);
  expect((await opened.status()).failed).toHaveLength(1);
  expect((await applySecond(opened)).status).toBe('applied');
  expect(await columns(opened)).toEqual(['id', 'name', 'note']);
  expect(await opened.db.query('SELECT id FROM a')).toEqual([{ id: 1 }]);
  expect([await book(opened, 'statements'), await book(opened, 'scripts')]).toEqual([[], []]);
  expect((await opened.status()).failed).toEqual([]);
});

it('a statement that took effect before it was cut off is found by looking', async () => {
  const opened = await scene('ALTER TABLE item ADD COLUMN note INT', 'CREATE TABLE a (id INT)');
  await cutOffAt(opened, 0);
  await opened.db.query('ALTER TABLE item ADD COLUMN note INT');
  expect((await applySecond(opened)).status).toBe('applied');
  expect(await columns(opened)).toEqual(['id', 'name', 'note']);
});

it('what cannot be told by looking is left to a person, with what ran', async () => {
  const opened = await scene('CREATE TABLE a (id INT)', 'ALTER TABLE item ADD COLUMN note INT, ADD INDEX by_name (name)');
  await cutOffAt(opened, 1);
  await opened.db.query('ALTER TABLE item ADD COLUMN other INT');
  const failed = await applySecond(opened);
  expect(failed).toMatchObject({ status: 'failed', halfApplied: true, leftovers: ['CREATE TABLE a (line 1) ran', expect.stringMatching(/ALTER TABLE item \(line 2\): whether it took effect/)] });
  expect((await opened.status()).failed).toHaveLength(1);
});

it('a script that fails in the middle is taken back by the reverses of what ran', async () => {
  const opened = await scene(
    'CREATE TABLE a (id INT PRIMARY KEY, item INT)', 'CREATE INDEX by_item ON a (item)', 'ALTER TABLE item ADD COLUMN note VARCHAR(20) NOT NULL DEFAULT \'x\', ADD UNIQUE INDEX by_name (name)',
    'ALTER TABLE item RENAME COLUMN name TO title', 'ALTER TABLE a ADD CONSTRAINT a_item FOREIGN KEY (item) REFERENCES item(id)', 'CREATE VIEW titles AS SELECT title FROM item',
    'UPDATE item SET note = note WHERE id = 99', 'RENAME TABLE a TO b', "INSERT INTO item VALUES (1, 'secret of ana', 'y')",
  );
  const before = await fingerprint(opened);
  const failed = await applySecond(opened);
  expect(failed).toMatchObject({ status: 'failed', halfApplied: false, failure: { line: 9, statementIndex: 8, message: expect.stringMatching(/duplicate entry/) } });
  expect(JSON.stringify(failed)).not.toContain('taken back');
  expect(await fingerprint(opened)).toBe(before);
  expect(await opened.status()).toMatchObject({ failed: [], pending: { length: 1 } });
  expect(await book(opened, 'statements')).toEqual([]);
});

it('what others wrote into what it made is kept', async () => {
  const opened = await scene('CREATE TABLE a (id INT PRIMARY KEY)', 'ALTER TABLE item ADD COLUMN note INT', 'INSERT INTO a VALUES (1)', 'INSERT INTO a VALUES (1)');
  const failed = await applySecond(opened);
  expect(failed).toMatchObject({ status: 'failed', halfApplied: true, leftovers: expect.arrayContaining([expect.stringMatching(/CREATE TABLE a: It holds rows/)]) });
  expect(await opened.db.query('SELECT * FROM a')).toEqual([{ id: 1 }]);
  // The column was taken back before that was found out, and is told as such: it is not among what is left.
  expect(JSON.stringify(failed)).not.toContain('ALTER TABLE item');
});

it('changed rows of the application have no reverse: nothing is taken back, a person decides', async () => {
  const opened = await scene('CREATE TABLE a (id INT)', "UPDATE item SET name = 'two'", 'INSERT INTO nowhere VALUES (1)');
  const failed = await applySecond(opened);
  expect(failed).toMatchObject({
    status: 'failed', halfApplied: true,
    leftovers: ['CREATE TABLE a (line 1) ran', 'UPDATE of item (line 2) ran', 'UPDATE of item (line 2) has no reverse that is sure to lose nothing'],
  });
  expect(await opened.db.query('SELECT COUNT(*) AS n FROM a')).toEqual([{ n: 0 }]);
  const [row] = (await opened.status()).failed;
  expect(row!.evidence).toContain('error 1146');
  await expect(opened.tool.apply((await opened.migrations())[1]!, await opened.takeOver('op-2'))).rejects.toMatchObject({ code: 'history_conflict' });
  expect(await opened.tool.findObjects((await opened.migrations())[1]!, opened.target)).toEqual(['table a is there']);
  await opened.tool.resolve((await opened.migrations())[1]!, 'rolled_back', await opened.takeOver('op-3'));
  expect((await opened.status()).pending).toHaveLength(1);
});

it('rows alone are one transaction', async () => {
  const opened = await scene("INSERT INTO item VALUES (2, 'two')", "INSERT INTO item VALUES (1, 'again')");
  expect(await applySecond(opened)).toMatchObject({ status: 'failed', halfApplied: false, failure: { line: 2 } });
  expect(await opened.db.query('SELECT COUNT(*) AS n FROM item')).toEqual([{ n: 1 }]);
  expect((await opened.status()).pending).toHaveLength(1);
});

it('what is refused is refused before anything of it runs', async () => {
  const opened = await scene('CREATE TABLE a (id INT)', 'USE mysql');
  expect(await applySecond(opened)).toMatchObject({ status: 'failed', halfApplied: false, failure: { line: 2, message: expect.stringMatching(/^it was not run: USE/) } });
  await expect(opened.db.query('SELECT * FROM a')).rejects.toThrow(/exist/);
});

it('a cancel in the middle takes back what ran', async () => {
  const opened = await scene('CREATE TABLE a (id INT)', 'ALTER TABLE item ADD COLUMN note INT');
  const before = await fingerprint(opened);
  const release = await opened.db.holdItem();
  const cancel = new AbortController();
  const applying = applySecond(opened, { ...opened.context, signal: cancel.signal, lockTimeoutSeconds: 60 });
  await expect.poll(async () => (await book(opened, 'statements')).length, { timeout: 20_000 }).toBe(2);
  cancel.abort(new Error('cancelled by the test'));
  await expect(applying).rejects.toThrow('cancelled by the test');
  await release();
  expect(await fingerprint(opened)).toBe(before);
  expect((await opened.status()).failed).toEqual([]);
});
