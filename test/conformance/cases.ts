/**
 * What every handler does alike, told once. A case gets a scene of its own: an empty database and a project of its tool.
 * Cases about the database alone run once for each system.
 */
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FaberError } from '../../src/contract/failure.js';
import { backupHandlers, openStore } from '../../src/handlers/backup/index.js';
import type { BackupOptions } from '../../src/handlers/backup/contract.js';
import { tempDir } from '../support/temp.js';
import type { Sample, Scene } from './combination.js';

export interface Case {
  /** As the table in the README heads its column; absent: not shown there. */
  column?: string;
  about: 'tool' | 'database';
  samples?: readonly Sample[];
  run(scene: Scene): Promise<void>;
}

const ITEM: Sample = {
  name: '20260101000000_item',
  up: ['CREATE TABLE item (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL)', "INSERT INTO item (id, name) VALUES (1, 'one')"],
  down: ['DROP TABLE item'],
};
const NOTE: Sample = { name: '20260102000000_note', up: ['ALTER TABLE item ADD COLUMN note VARCHAR(100)'], down: ['ALTER TABLE item DROP COLUMN note'] };
const INDEX: Sample = { name: '20260103000000_index', up: ['CREATE INDEX item_name ON item (name)'] };
const WAREHOUSE = ['CREATE TABLE warehouse (id INTEGER PRIMARY KEY)'];

const count = async ({ db }: Scene, table = 'item') => Number(Object.values((await db.query(`SELECT count(*) AS n FROM ${table}`))[0]!)[0]);
const columns = async ({ database, target }: Scene) =>
  (await database.schemaFacts(target)).filter(({ kind, name }) => kind === 'column' && name.includes('item')).map(({ name }) => name.split('.').at(-1)!.replaceAll(/["`]/g, ''));
const statuses = (outcomes: readonly { status: string }[]) => outcomes.map(({ status }) => status);
const at = <T>(all: readonly T[], index: number): T => all.at(index)!;
const halves = ({ combination: { system, leavesHalf } }: Scene) => leavesHalf === true || !system.rollsBack;

export const CASES: Readonly<Record<string, Case>> = {
  'reads the project in order; on an empty database all is pending': {
    about: 'tool', samples: [ITEM, NOTE, INDEX],
    async run(scene) {
      const all = await scene.migrations();
      expect(all.map(({ name }) => name.replace(/\D.*$/, ''))).toEqual(['20260101000000', '20260102000000', '20260103000000']);
      expect(await scene.status()).toMatchObject({ applied: [], pending: all.map(({ name }) => name), failed: [], edited: [], missing: [], out_of_order: [] });
      expect(all.map(({ down }) => down !== null)).toEqual([true, true, false]);
    },
  },

  'applies in order, and each one once': {
    about: 'tool', column: 'applies exactly once', samples: [ITEM, NOTE, INDEX],
    async run(scene) {
      expect(statuses(await scene.applyPending())).toEqual(['applied', 'applied', 'applied']);
      const all = await scene.migrations();
      expect(await scene.status()).toMatchObject({ applied: all.map(({ name }) => name), pending: [] });
      expect((await scene.tool.apply(at(all, 0), await scene.takeOver('op-1'))).status).toBe('already');
      expect(await count(scene)).toBe(1);
      const steps = await scene.database.bookkeeping.steps(scene.target, 'op-1');
      expect(steps.filter(({ action }) => action === 'applied').map(({ migration }) => migration)).toEqual(all.map(({ name }) => name));
    },
  },

  'a migration that fails in its first statement leaves nothing, also no ledger row that blocks': {
    about: 'tool', samples: [ITEM, { name: '20260104000000_bad', up: ['INSERT INTO nowhere (id) VALUES (1)'] }],
    async run(scene) {
      const [, failed] = await scene.applyPending();
      expect(failed).toMatchObject({ status: 'failed', halfApplied: false });
      expect((await scene.status()).failed).toEqual([]);
      expect((await scene.status()).pending).toHaveLength(1);
    },
  },

  'a migration that fails in the middle is taken back, or told apart and stopped at': {
    about: 'tool', column: 'a failed migration leaves', samples: [ITEM, { name: '20260104000000_bad', up: [...WAREHOUSE, "INSERT INTO item (id, name) VALUES (1, 'the secret of ana')"] }],
    async run(scene) {
      await applyFirst(scene);
      const before = await scene.database.schemaFingerprint(scene.target);
      const [failed] = await scene.applyPending();
      if (failed?.status !== 'failed') throw new Error(`it was ${failed?.status}`);
      expect(JSON.stringify(failed.failure)).not.toContain('secret of ana');
      expect(failed.failure.message.length).toBeGreaterThan(5);
      const same = (await scene.database.schemaFingerprint(scene.target)) === before;
      if (halves(scene)) {
        expect(failed.halfApplied ? failed.leftovers.join() : 'nothing').toMatch(failed.halfApplied ? /warehouse/ : /nothing/);
        expect(same).toBe(!failed.halfApplied);
      } else {
        expect([failed.halfApplied, same]).toEqual([false, true]);
      }
      expect(await count(scene)).toBe(1);
    },
  },

  'who lost the fence changes nothing': {
    about: 'tool', samples: [ITEM],
    async run(scene) {
      await scene.takeOver('op-2');
      await expect(scene.applyPending(scene.context)).rejects.toMatchObject({ code: 'fenced_off' });
      expect((await scene.status()).applied).toEqual([]);
    },
  },

  'goes down by its own down, and can go up again': {
    about: 'tool', column: 'goes down', samples: [ITEM, NOTE],
    async run(scene) {
      await scene.applyPending();
      const note = at(await scene.migrations(), 1);
      expect((await scene.tool.revert(note, scene.context)).status).toBe('reverted');
      expect(await columns(scene)).toEqual(['id', 'name']);
      expect((await scene.status()).pending).toEqual([note.name]);
      expect((await scene.tool.revert(note, scene.context)).status).toBe('already');
      expect(statuses(await scene.applyPending())).toEqual(['applied']);
      expect(await columns(scene)).toEqual(['id', 'name', 'note']);
    },
  },

  'a down that would take what others wrote since is not run by itself': {
    about: 'tool', column: 'no down takes what others wrote', samples: [ITEM, NOTE],
    async run(scene) {
      await scene.applyPending();
      await scene.db.query("UPDATE item SET note = 'written by the application'");
      const note = at(await scene.migrations(), 1);
      await expect(scene.tool.revert(note, { ...scene.context, refuseLosses: { operationId: 'op-1' } })).rejects.toMatchObject({ code: 'would_lose_data' });
      expect(await columns(scene)).toContain('note');
    },
  },

  'an applied migration that was edited is found': {
    about: 'tool', column: 'edited files', samples: [ITEM, NOTE],
    async run(scene) {
      await scene.applyPending();
      await scene.write([ITEM, { ...NOTE, up: ['ALTER TABLE item ADD COLUMN note VARCHAR(200)'] }]);
      const [, note] = await scene.migrations();
      expect((await scene.status()).edited).toEqual(scene.combination.keepsNoChecksum ? [] : [note!.name]);
    },
  },

  'what is not in the project any more is found': {
    about: 'tool', column: 'missing files', samples: [ITEM, NOTE],
    async run(scene) {
      await scene.applyPending();
      const [, note] = await scene.migrations();
      await scene.write([ITEM]);
      const { missing, applied } = await scene.status();
      expect([missing.length, applied.length]).toEqual([1, 2]);
      // A ledger may know the beginning of the name only.
      expect(note!.name.startsWith(at(missing, 0))).toBe(true);
    },
  },

  'a migration that takes too long is ended, and left nothing': {
    about: 'tool', column: 'time limit',
    async run(scene) {
      await scene.write([{ name: '20260101000000_slow', up: [scene.combination.system.slow(20)] }]);
      const started = Date.now();
      const [outcome] = await scene.applyPending({ ...scene.context, timeoutSeconds: 1 });
      expect(outcome).toMatchObject({ status: 'failed', halfApplied: false });
      expect(Date.now() - started).toBeLessThan(15_000);
      expect((await scene.status()).applied).toEqual([]);
    },
  },

  'a cancel ends the migration that runs': {
    about: 'tool',
    async run(scene) {
      await scene.write([{ name: '20260101000000_slow', up: [scene.combination.system.slow(30)] }]);
      const cancel = new AbortController();
      const applying = scene.applyPending({ ...scene.context, signal: cancel.signal });
      setTimeout(() => cancel.abort(new Error('cancelled by the test')), 1500);
      const started = Date.now();
      const end = await applying.then((outcomes) => at(outcomes, 0).status, (error: unknown) => (error as Error).message);
      expect(end).toMatch(/failed|cancelled/);
      expect(Date.now() - started).toBeLessThan(15_000);
      // Whoever comes next finds nobody at work.
      const next = await scene.takeOver('op-2');
      await scene.write([ITEM]);
      expect(statuses(await scene.applyPending(next))).toEqual(['applied']);
    },
  },

  'a table that the application holds is waited for, not queued behind': {
    about: 'tool', samples: [ITEM, NOTE],
    async run(scene) {
      await applyFirst(scene);
      const release = await scene.db.holdItem();
      try {
        await expect(scene.applyPending({ ...scene.context, lockTimeoutSeconds: 1 })).rejects.toMatchObject({ code: 'lock_timeout' });
        expect(await scene.status()).toMatchObject({ applied: { length: 1 }, pending: { length: 1 } });
      } finally {
        await release();
      }
      expect(statuses(await scene.applyPending())).toEqual(['applied']);
    },
  },

  'records what is there already as applied, without running it': {
    about: 'tool', column: 'baseline', samples: [ITEM, NOTE],
    async run(scene) {
      for (const statement of ITEM.up) await scene.db.query(statement);
      const [item, note] = await scene.migrations();
      await scene.tool.baseline([item!], scene.context);
      await scene.tool.baseline([item!], scene.context);
      expect(await scene.status()).toMatchObject({ applied: [item!.name], pending: [note!.name] });
      expect(statuses(await scene.applyPending())).toEqual(['applied']);
      expect(await count(scene)).toBe(1);
    },
  },

  'drift is told from what the migrations make': {
    about: 'tool', column: 'drift', samples: [ITEM, INDEX],
    async run(scene) {
      await scene.applyPending();
      expect((await scene.drift()).differences).toEqual([]);
      await scene.db.query('ALTER TABLE item ADD COLUMN by_hand INTEGER');
      expect(JSON.stringify((await scene.drift()).differences)).toContain('item');
      expect((await scene.drift()).differences.length).toBeGreaterThan(0);
    },
  },

  'what is pending is tried up, down and up again beside the database': {
    about: 'tool', column: 'rehearsal', samples: [ITEM, NOTE, INDEX],
    async run(scene) {
      const [item, note, index] = await scene.migrations();
      const input = { applied: [item!], pending: [note!], operationId: 'op-1', signal: scene.context.signal, onProgress: () => {} };
      expect(await scene.tool.rehearse(scene.target, scene.settings, input)).toEqual({ down: [note!.name], stoppedAt: null });
      expect(await scene.tool.rehearse(scene.target, scene.settings, { ...input, pending: [note!, index!] })).toEqual({ down: [], stoppedAt: index!.name });
      expect((await scene.status()).applied).toEqual([]);
    },
  },

  'makes a new migration': {
    about: 'tool', column: 'generate-migration',
    samples: [{ name: '20260101000000_item', up: ['CREATE TABLE item (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL)'] }],
    async run(scene) {
      await scene.combination.project.wantColumn?.(scene.root, scene.combination.system);
      const request = { name: 'add note', operationId: 'op-2', at: Date.now(), signal: scene.context.signal, onProgress: () => {} };
      const made = await scene.tool.generate(scene.target, scene.settings, request);
      expect(made.migration?.name).toMatch(/add.?note/i);
      expect((await scene.migrations()).map(({ name }) => name)).toContain(made.migration!.name);
      expect((await readFile(join(scene.root, made.migration!.file))).includes(Buffer.from(made.migration!.up))).toBe(true);
      if (scene.combination.project.wantColumn === undefined) return;
      expect(statuses(await scene.applyPending())).toEqual(['applied', 'applied']);
      expect(await columns(scene)).toContain('note');
    },
  },

  'identity and marker: one database is one, another is another': {
    about: 'database',
    async run(scene) {
      const { database, target, db, combination } = scene;
      const identity = await database.identify(target);
      expect(identity).toMatchObject({ marker: null, standby: false });
      expect((await database.identify(database.target(db.url))).identity).toBe(identity.identity);
      const other = await combination.system.create();
      expect((await database.identify(database.target(other.url))).identity).not.toBe(identity.identity);
      const row = { operation_id: 'op-1', operation: 'migrate', environment: 'test', request_digest: 'd', plan_hash: null, artifact: null, requested_by: null };
      await database.bookkeeping.begin(target, scene.context.fence, row, 'test');
      expect((await database.identify(target)).marker).toBe('test');
      expect((await database.bookkeeping.unfinished(target)).map(({ operation_id }) => operation_id)).toEqual(['op-1']);
      await database.bookkeeping.end(target, scene.context.fence, 'op-1', { status: 'success' });
      expect(await database.bookkeeping.unfinished(target)).toEqual([]);
      expect(await database.bookkeeping.operation(target, 'op-1')).toMatchObject({ operation_id: 'op-1', answer: { status: 'success' } });
    },
  },

  'health is told for what can be measured': {
    about: 'database', column: 'health',
    async run({ database, target, settings }) {
      const checks = await database.checkHealth(target, settings.health);
      expect(checks.find(({ name }) => name === 'connectivity')).toMatchObject({ status: 'healthy' });
      expect(checks.filter(({ status }) => status === 'unhealthy')).toEqual([]);
    },
  },

  'a backup is checked and proven, and a damaged one is found': {
    about: 'database', column: 'backup, proven', samples: [ITEM],
    async run(scene) {
      const { backups, store, options } = await withStore(scene);
      await scene.applyPending();
      const record = await backups.create(scene.target, store, options('backup-20260101-000000'));
      expect(record.tables!.find(({ table }) => table === 'item')).toMatchObject({ rows: 1 });
      await backups.check(store, record, scene.context.signal);
      expect((await backups.prove(scene.target, store, record, scene.context.signal)).level).toBe('proven');
      await truncate(join(store.location, 'backups', record.backup_id, record.file), 100);
      await expect(backups.check(store, record, scene.context.signal)).rejects.toMatchObject({ code: 'backup_unusable' });
    },
  },

  'a restore brings the rows back and keeps what it replaced': {
    about: 'database', column: 'restore', samples: [ITEM],
    async run(scene) {
      const { backups, store, options } = await withStore(scene);
      await scene.applyPending();
      const record = await backups.create(scene.target, store, options('backup-20260101-000000'));
      await scene.db.query("UPDATE item SET name = 'changed since'");
      expect(await backups.restoreObstacles(scene.target, record)).toEqual([]);
      await backups.restoreBeside(scene.target, store, record, 'op-1', scene.context.signal);
      expect((await scene.db.query('SELECT name FROM item'))[0]).toMatchObject({ name: 'changed since' });
      const { kept_as } = await backups.swap(scene.target, 'op-1', async () => {}, scene.context.signal);
      expect(kept_as).not.toBeNull();
      expect((await scene.db.query('SELECT name FROM item'))[0]).toMatchObject({ name: 'one' });
      expect((await backups.swap(scene.target, 'op-1', async () => {}, scene.context.signal)).kept_as).toBe(kept_as);
      expect((await backups.replacedDatabases(scene.target)).map(({ name }) => name)).toEqual([kept_as]);
      await backups.cleanUp(scene.target, 'op-1');
      expect(await backups.dropReplaced(scene.target, kept_as!)).toBeNull();
    },
  },

  'a write of others since a backup is not overlooked': {
    about: 'database', samples: [ITEM],
    async run(scene) {
      const { backups, store, options } = await withStore(scene);
      await scene.applyPending();
      const { snapshot } = await backups.create(scene.target, store, options('backup-20260101-000000'));
      await scene.db.query("INSERT INTO item (id, name) VALUES (2, 'two')");
      expect(await scene.database.nothingWrittenSince(scene.target, snapshot, 'op-1')).toMatchObject({ proven: false, reason: expect.stringMatching(/\w/) });
    },
  },

  'a scratch database is empty, apart, and gone afterwards': {
    about: 'database', samples: [ITEM],
    async run(scene) {
      const { database, target, tool, settings, context } = scene;
      await scene.applyPending();
      const all = await scene.migrations();
      const use = { id: 'status-1', signal: context.signal };
      const inside = await database.withScratch(target, use, async (scratch) => {
        expect((await database.identify(scratch)).empty).toBe(true);
        await tool.makeSchema(all, scratch, settings, context.signal);
        expect((await database.tableCounts(scratch)).map(({ table }) => table)).toContain('item');
        return scratch;
      });
      await expect(database.identify(inside)).rejects.toThrow(FaberError);
      expect(await count(scene)).toBe(1);
    },
  },
};

async function applyFirst(scene: Scene): Promise<void> {
  const [first] = await scene.migrations();
  expect((await scene.tool.apply(first!, scene.context)).status).toBe('applied');
}

async function withStore(scene: Scene) {
  const settings = { ...scene.settings, backup: { ...scene.settings.backup, location: join(await tempDir(), 'store') } };
  const options = (backupId: string): BackupOptions => ({ settings, backupId, operationId: 'op-1', label: null, reason: null, ledgerDigest: null, signal: scene.context.signal });
  return { backups: await backupHandlers(settings, scene.database), store: await openStore(settings), options };
}
