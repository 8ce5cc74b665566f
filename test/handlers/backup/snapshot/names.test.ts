import { describe, expect, it } from 'vitest';
import { awsFailure } from '../../../../src/handlers/backup/snapshot/errors.js';
import { keptName, looksReplaced, scratchName, sideName, snapshotName } from '../../../../src/handlers/backup/snapshot/names.js';
import { begunIn, begunTag, digestOf, manifestIn, manifestTags, tagValue } from '../../../../src/handlers/backup/snapshot/tags.js';

const IDENTIFIER = /^(?=.{1,63}$)[a-z](?:-?[a-z0-9])*$/;

describe('identifiers at the host', () => {
  it.each(['shop', 'a'.repeat(63), `${'a'.repeat(45)}-${'b'.repeat(17)}`, 'Shop-DB'])('are valid and differ for %s', (id) => {
    const names = [sideName(id, 'op'), keptName(id, 'op'), scratchName(id, 'op'), sideName(id, 'other'), keptName(id, 'other')];
    for (const name of names) expect(name).toMatch(IDENTIFIER);
    expect(new Set(names).size).toBe(names.length);
    expect(looksReplaced(id, keptName(id, 'op'))).toBe(true);
    expect(looksReplaced('shop-other', keptName(id, 'op'))).toBe(false);
    expect(looksReplaced(id, sideName(id, 'op'))).toBe(false);
  });

  it('of a snapshot follow from the backup, whatever its label', () => {
    expect(snapshotName('backup-20260101-000000-nightly')).toBe('faber-db-backup-20260101-000000-nightly');
    expect(snapshotName('backup-20260101-000000-a--b-')).toMatch(/^faber-db-backup-20260101-000000-a-b-[0-9a-f]{10}$/);
  });
});

describe('tags', () => {
  it('carry a manifest of any text, in pieces that AWS takes, and give it back', () => {
    const manifest = { label: 'ünï', reason: 'before migrate; "quoted"', list: Array.from({ length: 200 }, (_, at) => `${at}-${Math.random()}`) };
    const tags = manifestTags(manifest)!;
    expect(Object.keys(tags).length).toBeGreaterThan(1);
    for (const value of Object.values(tags)) expect(value).toMatch(/^[\w .:/=+@-]{1,256}$/);
    expect(manifestIn({ team: 'shop', ...tags })).toEqual(manifest);
    expect(begunIn(begunTag({ position: '1:1:', lsn: '0/1' }))).toEqual({ position: '1:1:', lsn: '0/1' });
  });

  it('that were changed say nothing; one manifest too long is left to the store', () => {
    const tags = manifestTags({ a: 1 })!;
    expect(manifestIn({ ...tags, [Object.keys(tags)[0]!]: 'changed' })).toBeNull();
    expect(manifestIn({})).toBeNull();
    expect(manifestTags(Array.from({ length: 4000 }, () => Math.random()))).toBeNull();
    expect(tagValue('a, b; "c"')).toBe('a_ b_ _c_');
    expect(digestOf({ a: 1, b: 2 })).toBe(digestOf({ b: 2, a: 1 }));
  });
});

describe('an error of AWS', () => {
  const asked = { code: 'backup_failed', what: 'create RDS snapshot', action: 'rds:CreateDBSnapshot', resources: ['arn:aws:rds:*:*:db:shop'], state: 'Nothing was changed' } as const;
  const named = (name: string, message = '', more = {}) => Object.assign(new Error(message), { name, $fault: 'client', $metadata: { httpStatusCode: 400 }, ...more });

  it.each([
    ['AccessDenied', 'Insufficient permissions to create RDS snapshot', '{"Effect":"Allow","Action":["rds:CreateDBSnapshot"],"Resource":["arn:aws:rds:*:*:db:shop"]}'],
    ['SnapshotQuotaExceededFault', 'the quota of manual snapshots is used up', 'raise the quota'],
    ['KMSKeyNotAccessibleFault', 'the KMS key of the storage is not accessible', 'kms:CreateGrant'],
    ['ExpiredToken', 'no usable AWS credentials (ExpiredToken)', 'assume_role_arn'],
    ['Throttling', 'AWS throttles the requests of this account', 'Try again later'],
    ['InsufficientDBInstanceCapacityFault', 'has no room for this class', 'Try again later'],
    ['DBParameterGroupNotFoundFault', 'DBParameterGroupNotFoundFault (DBParameterGroup not found: x)', 'sts get-caller-identity'],
  ])('%s is told in words, with what helps', (name, reason, suggestion) => {
    const failure = awsFailure(named(name, 'DBParameterGroup not found: x'), asked) as { code: string; message: string; result: { backup_error: string }; suggestions: string[] };
    expect(failure).toMatchObject({ code: 'backup_failed', result: { backup_error: expect.stringContaining(reason) as string } });
    expect(failure.suggestions.join('\n')).toContain(suggestion);
  });

  it('takes along nothing of the request, which holds the signature and the session token', () => {
    const error = named('SignatureDoesNotMatch', 'The Canonical String for this request should have been secret-4711', { $response: { headers: { 'x-amz-security-token': 'secret-4711' } } });
    const failure = awsFailure(error, asked) as Error;
    expect(JSON.stringify({ ...failure, message: failure.message, cause: { ...(failure.cause as object), text: String(failure.cause) } })).not.toContain('secret-4711');
    expect((awsFailure(named('SomethingElse', 'for key AKIAIOSFODNN7EXAMPLE'), asked) as Error).message).not.toContain('AKIAIOSFODNN7EXAMPLE');
  });
});
