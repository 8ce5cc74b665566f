/** Each rule of retention by a case in which a backup or a database would go without it. */
import { describe, expect, it } from 'vitest';
import { judgeBackups, judgeReplaced } from '../../src/activities/retention-rules.js';
import type { BackupRecord } from '../../src/contract/backup.js';
import type { ReplacedDatabase } from '../../src/handlers/backup/contract.js';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const FACTS = { environment: 'production', retentionDays: 30, now: NOW, identity: 'postgresql:1/shop' };
const daysOld = (days: number) => new Date(NOW - days * 86_400_000).toISOString();

function backup(days: number, more: Partial<BackupRecord> = {}): BackupRecord {
  return { backup_id: `b${days}`, identity: FACTS.identity, database: 'shop', created_at: daysOld(days), level: 'proven', label: null, size_bytes: 1, ...more } as BackupRecord;
}

/** What goes, of backups given newest first. */
const goes = (records: BackupRecord[], facts = FACTS) => judgeBackups(records, facts).filter((one) => one.remove).map((one) => one.id);
const reasonFor = (id: string, records: BackupRecord[]) => judgeBackups(records, FACTS).find((one) => one.id === id)?.reason;

describe('retention takes a backup', () => {
  it('that is older than retention, and not a moment before', () => {
    expect(goes([backup(0), backup(29), backup(30), backup(31), backup(90)])).toEqual(['b31', 'b90']);
    expect(judgeBackups([backup(31)], FACTS)[0]).toMatchObject({ removed_after: daysOld(1) });
    expect(goes([backup(0), backup(31)], { ...FACTS, retentionDays: 365 })).toEqual([]);
  });

  it('but never the newest', () => {
    expect(goes([backup(100), backup(200)])).toEqual(['b200']);
    expect(goes([backup(100)])).toEqual([]);
  });

  it('but never the newest that was proven, also when newer ones were only checked', () => {
    const records = [backup(1, { level: 'checked' }), backup(100, { level: 'checked' }), backup(200), backup(300)];
    expect(goes(records)).toEqual(['b100', 'b300']);
    expect(reasonFor('b200', records)).toBe('the newest backup that was proven to restore');
  });

  it('but does not count one as good whose restore failed, or that holds a half-made change', () => {
    const unusable = { found_at: daysOld(0), reason: 'damaged' };
    expect(goes([backup(40, { unusable }), backup(100), backup(200)])).toEqual(['b40', 'b200']);
    expect(goes([backup(40, { incomplete_state: 'op' }), backup(100), backup(200)])).toEqual(['b40', 'b200']);
    expect(goes([backup(40, { unusable, level: 'checked' }), backup(100, { unusable })]), 'the last one stays even so').toEqual(['b100']);
  });

  it('but never a labelled one', () => {
    const records = [backup(0), backup(100, { label: 'before-2-0' })];
    expect(goes(records)).toEqual([]);
    expect(judgeBackups(records, FACTS)[1]).toMatchObject({ reason: "labelled 'before-2-0': removed by hand only", removed_after: null });
  });

  it('but never one of another database: a store may be shared', () => {
    const records = [backup(0), backup(100, { identity: 'postgresql:2/shop' }), backup(200, { identity: 'postgresql:2/shop' })];
    expect(goes(records)).toEqual([]);
    expect(reasonFor('b200', records)).toContain('of another database than production is now');
    // Not known which is which: of each the newest stays.
    expect(goes(records, { ...FACTS, identity: null as unknown as string })).toEqual(['b200']);
  });

  it('but never one whose time cannot be read', () => {
    expect(goes([backup(0), backup(100, { created_at: 'yesterday' })])).toEqual([]);
  });
});

describe('retention takes a replaced database', () => {
  const replaced = (days: number, more: Partial<ReplacedDatabase> = {}): ReplacedDatabase => ({
    name: `shop_replaced_${days}`, size_bytes: 1, operation: { operation_id: 'op', environment: 'production', begun_at: daysOld(days + 1), ended_at: daysOld(days) }, ...more,
  });
  const judged = (one: ReplacedDatabase, serving: string[] = []) => judgeReplaced([one], FACTS, new Set(serving))[0];

  it('that was replaced longer ago than retention', () => {
    expect(judged(replaced(31))).toMatchObject({ remove: true });
    expect(judged(replaced(29))).toMatchObject({ remove: false, reason: 'not older than 30 days', removed_after: daysOld(-1) });
  });

  it('but never one that serves, that nobody is known to have replaced, or that another environment replaced', () => {
    expect(judged(replaced(31), ['shop_replaced_31'])).toMatchObject({ remove: false, reason: 'an environment connects to it' });
    expect(judged(replaced(31, { operation: null }))).toMatchObject({ remove: false });
    expect(judged(replaced(31, { operation: { operation_id: 'op', environment: 'dev', begun_at: daysOld(40), ended_at: daysOld(40) } }))).toMatchObject({
      remove: false, reason: "replaced by an operation of 'dev'",
    });
  });
});
