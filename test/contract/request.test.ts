import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FaberError } from '../../src/contract/failure.js';
import { namedIn, parseRequest, requesterIn } from '../../src/contract/request.js';
import { requestDigest } from '../../src/contract/request-digest.js';

interface Case {
  name: string;
  valid: boolean;
  says?: string;
  request: unknown;
}
const cases = JSON.parse(readFileSync(new URL('./cases/requests.json', import.meta.url), 'utf8')) as Case[];

function errorOf(run: () => unknown): FaberError {
  try {
    run();
  } catch (error) {
    if (error instanceof FaberError) return error;
    throw error;
  }
  throw new Error('no error was thrown');
}

describe('requests', () => {
  it.each(cases.filter((c) => c.valid))('accepts $name', ({ request }) => {
    const parsed = parseRequest(request);
    expect(parsed.operation).toBe((request as { operation: string }).operation);
    expect(parsed.parameters.working_directory).toBe('/srv/shop');
  });

  it.each(cases.filter((c) => !c.valid))('refuses $name, and says what is wrong and what is allowed', ({ request, says }) => {
    const error = errorOf(() => parseRequest(request));
    expect(error.code).toBe('invalid_request');
    expect([error.message, ...error.suggestions].join('\n')).toContain(says);
    expect([error.message, ...error.suggestions].join('\n')).not.toContain('hunter2');
    expect(error.suggestions.length).toBeGreaterThan(0);
  });

  it('takes the directory of the caller only where the request names none', () => {
    const request = { operation: 'migrate', parameters: { environment: 'dev' } };
    expect(parseRequest(request, { workingDirectory: '/here' }).parameters.working_directory).toBe('/here');
    expect(parseRequest({ ...request, working_directory: '/there' }, { workingDirectory: '/here' }).parameters.working_directory).toBe('/there');
  });

  it('fills in defaults', () => {
    expect(parseRequest({ operation: 'migrate', parameters: { environment: 'dev' } }, { workingDirectory: '/a' }).parameters).toEqual({
      environment: 'dev',
      working_directory: '/a',
      dry_run: false,
    });
  });

  it('tells operation and environment of a request that is wrong elsewhere', () => {
    expect(namedIn({ operation: 'migrate', parameters: { environment: 'production', nonsense: 1 } })).toEqual({ operation: 'migrate', environment: 'production' });
    expect(namedIn({ operation: 'explode', parameters: { environment: 'production' } })).toEqual({ environment: 'production' });
    expect(namedIn({ parameters: null })).toEqual({});
    expect(namedIn('text')).toEqual({});
  });

  it('knows who asks', () => {
    expect(requesterIn({ operation: 'migrate', requested_by: 'ana@example.com' })).toBe('ana@example.com');
    expect(requesterIn({ operation: 'migrate' })).toBeUndefined();
  });
});

describe('request digest', () => {
  const digest = (request: unknown) => requestDigest(parseRequest(request, { workingDirectory: '/a' }));
  const plain = digest({ operation: 'migrate', parameters: { environment: 'dev' } });

  it('is the same however the same request is written', () => {
    expect(plain).toMatch(/^[0-9a-f]{64}$/);
    expect(digest({ parameters: { dry_run: false, environment: 'dev' }, operation: 'migrate' })).toBe(plain);
    expect(digest({ operation: 'migrate', parameters: { environment: 'dev' }, working_directory: '/a', requested_by: 'bob' })).toBe(plain);
  });

  it('differs with operation, environment, directory and parameters', () => {
    const others = [
      { operation: 'migrate-preview', parameters: { environment: 'dev' } },
      { operation: 'migrate', parameters: { environment: 'test' } },
      { operation: 'migrate', parameters: { environment: 'dev', dry_run: true } },
      { operation: 'migrate', parameters: { environment: 'dev', working_directory: '/b' } },
    ].map(digest);
    expect(new Set([plain, ...others]).size).toBe(5);
  });
});
