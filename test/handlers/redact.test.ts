import { describe, expect, test } from 'vitest';
import { redactor } from '../../src/handlers/redact.js';

const SECRET = `p@s:s/w?o#r%d&'" \\$+=é`;

describe('hides a secret in every form that text can have it in', () => {
  test.each<[string, string]>([
    ['plain', SECRET],
    ['percent-encoded', encodeURIComponent(SECRET)],
    ['percent-encoded in lower-case hex', encodeURIComponent(SECRET).replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())],
    ['percent-encoded byte by byte', [...Buffer.from(SECRET)].map((byte) => `%${byte.toString(16).toUpperCase()}`).join('')],
    ['as URL writes it', new URL(`http://u:${encodeURIComponent(SECRET)}@h`).password],
    ['as a form writes it', new URLSearchParams({ p: SECRET }).toString().slice(2)],
    ['as an SQL literal', SECRET.replaceAll("'", "''")],
    ['as JSON', JSON.stringify(SECRET).slice(1, -1)],
    ['base64', Buffer.from(SECRET).toString('base64')],
    ['base64url', Buffer.from(SECRET).toString('base64url')],
  ])('%s', (_, form) => {
    expect(redactor([SECRET])(`before ${form} after`)).toMatch(/^before \*{3}\S* after$/);
  });

  test.each(['', 'u', 'us', 'usr', 'user'])('base64 with something before it: %s', (before) => {
    const redacted = redactor([SECRET])(Buffer.from(`${before}:${SECRET}:after`).toString('base64'));
    expect(redacted).toContain('***');
    for (const [start] of [[0], [1], [2], [3]]) expect(Buffer.from(redacted.slice(start), 'base64').toString()).not.toContain('w?o#r');
  });
});

test.each([
  ['postgresql://ana:hunter2@db:5432/shop', 'postgresql://***@db:5432/shop'],
  ['could not connect to "postgres://ana:hun@ter/2@db/shop"', 'could not connect to "postgres://***@db/shop"'],
  ['https://token@example.com/x and more', 'https://***@example.com/x and more'],
  ['https://example.com/x', 'https://example.com/x'],
  ["host=db password=hunter2 user=ana", 'host=db password=*** user=ana'],
  ["host=db password='hun ter\\'2' user=ana", 'host=db password=*** user=ana'],
  ['PGPASSWORD=hunter2 pg_dump', 'PGPASSWORD=*** pg_dump'],
])('hides what a URL or a connection string holds, known or not: %s', (text, expected) => {
  expect(redactor([])(text)).toBe(expected);
});

test('a longer secret wins over one that is part of it, and an empty one is no secret', () => {
  expect(redactor(['pass', 'password-1', ''])('password-1 and pass')).toBe('*** and ***');
});

test('a short secret does not hide base64 that only looks like it', () => {
  expect(redactor(['ab'])('YWxwaGE= YWI')).toBe('YWxwaGE= YWI');
});
