import { describe, expect, it } from 'vitest';
import { FaberError } from '../../src/contract/failure.js';
import { parseJsonText } from '../../src/contract/json-text.js';

const options = { what: 'the request', code: 'invalid_request' } as const;
const bytes = (...parts: (number[] | string)[]) => Buffer.concat(parts.map((p) => Buffer.from(p as string)));

function messageOf(input: Uint8Array | string): string {
  try {
    parseJsonText(input, options);
  } catch (error) {
    if (error instanceof FaberError && error.code === 'invalid_request') return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('JSON text', () => {
  it('is read with and without a byte order mark', () => {
    expect(parseJsonText('{"a": 1}', options)).toEqual({ a: 1 });
    expect(parseJsonText(bytes([0xef, 0xbb, 0xbf], '{"a": "ü"}'), options)).toEqual({ a: 'ü' });
    expect(parseJsonText(`\uFEFF{"a": 1}`, options)).toEqual({ a: 1 });
  });

  it('is refused by name of the fault when it is something else', () => {
    expect(messageOf('')).toBe('the request is empty');
    expect(messageOf(' \n ')).toBe('the request is empty');
    expect(messageOf(bytes([0xff, 0xfe], '{'))).toContain('UTF-16');
    expect(messageOf(bytes('"', [0xc3, 0x28], '"'))).toContain('not valid UTF-8');
    expect(messageOf(`"${'x'.repeat(1024 * 1024)}"`)).toContain('larger than');
    expect(messageOf('['.repeat(65) + ']'.repeat(65))).toContain('nested deeper');
    expect(messageOf('{"a": 1')).toContain('not valid JSON');
  });

  it('does not count brackets inside texts as depth', () => {
    const text = `"${'['.repeat(500)}\\""`;
    expect(parseJsonText(text, options)).toBe(`${'['.repeat(500)}"`);
  });

  it('never quotes what was read', () => {
    for (const broken of ['{"password": "hunter2" x}', 'hunter2', '{"a": hunter2}', '["hunter2",]']) expect(messageOf(broken)).not.toContain('hunter');
  });

  it.each([
    ['{\n  "a": 1,\n  "b": }', 3, 8],
    ['{"a": 1,}', 1, 9],
    ['[1 2]', 1, 4],
    ['{"a" 1}', 1, 6],
    ["{'a': 1}", 1, 2],
    ['{"a": 01}', 1, 7],
    ['{"a": 1', 1, 8],
    ['{} x', 1, 4],
    ['{"a": tru}', 1, 7],
    ['{"a": "x\ny"}', 1, 7],
    ['[1}', 1, 3],
    ['// note\n{}', 1, 1],
  ])('says where %j is broken', (text, line, column) => {
    expect(messageOf(text)).toBe(`the request is not valid JSON (line ${line}, column ${column})`);
  });
});
