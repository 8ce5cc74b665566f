import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSettings } from '../../../src/handlers/config-file.js';
import { publicKeyReader } from '../../../src/handlers/approval/index.js';
import { signer } from '../../support/signing.js';
import { tempDir } from '../../support/temp.js';

describe('a public key of a config', () => {
  let directory: string;
  const ana = signer('EdDSA');
  const read = (source: string | Record<string, unknown>) => publicKeyReader(directory)(source);
  const file = async (name: string, text: string) => {
    await writeFile(join(directory, name), text);
    return name;
  };
  beforeAll(async () => {
    directory = await tempDir();
  });

  it('is read from PEM text, from a JWK, from a file with either and from a key set', async () => {
    const jwk = ana.known.jwk;
    for (const source of [ana.pem, jwk, await file('ana.pem', ana.pem), await file('ana.json', JSON.stringify(jwk))]) {
      expect(read(source)).toEqual([{ kid: null, thumbprint: ana.known.thumbprint, algorithm: 'EdDSA', jwk }]);
    }
    const set = await file('set.json', JSON.stringify({ keys: [{ ...jwk, kid: 'a', use: 'sig', alg: 'EdDSA' }, signer('ES256').known.jwk] }));
    expect(read(set)).toMatchObject([{ kid: 'a', algorithm: 'EdDSA' }, { kid: null, algorithm: 'ES256' }]);
  });

  it.each(['EdDSA', 'ES256', 'RS256'] as const)('of %s has the thumbprint of RFC 7638', async (algorithm) => {
    const { known } = signer(algorithm);
    expect(known.thumbprint).toBe(await calculateJwkThumbprint(known.jwk as unknown as JWK));
  });

  it.each<[string, () => string | Record<string, unknown>, RegExp]>([
    ['a private key in PEM', () => ana.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, /private key/],
    ['a private JWK', () => ana.privateKey.export({ format: 'jwk' }) as Record<string, unknown>, /private or secret/],
    ['a shared secret', () => ({ kty: 'oct', k: 'c2VjcmV0' }), /private or secret/],
    ['an RSA key of 1024 bits', () => generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' }) as string, /2048/],
    ['a curve that is not used', () => generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey.export({ type: 'spki', format: 'pem' }) as string, /P-256/],
    ['a key for encryption', () => ({ ...ana.known.jwk, use: 'enc' }), /not for signatures/],
    ['an algorithm that does not fit', () => ({ ...ana.known.jwk, alg: 'HS256' }), /"alg" is not EdDSA/],
    ['no key at all', () => ({ kty: 'OKP' }), /not a public key/],
    ['a file that is not there', () => 'gone.pem', /cannot be read \(ENOENT\)/],
    ['an empty set', () => ({ keys: [] }), /1 to 50 keys/],
  ])('that is %s is refused, and not quoted', (_name, source, reason) => {
    expect(() => read(source())).toThrow(reason);
  });

  it('is in the settings with whom it signs for, and a config whose key cannot be read loads nothing', async () => {
    const config = async (approval: object) => {
      const name = await file(`config-${Math.random()}.json`, JSON.stringify({ environments: { production: { connection_string_env: 'A' } }, backup: { location: 'store' }, safety: { approval: { verification: 'signed', ...approval } } }));
      return loadSettings(directory, 'production', { FABER_DB_CONFIG: name });
    };
    const settings = await config({ keys: [{ id: 'ana-2026', key: 'ana.pem', signs_for: ['ana@example.com'] }], jwks: 'set.json', issuer: 'login' }).catch((error: unknown) => error);
    expect(settings).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('twice') });
    const loaded = await config({ keys: [{ id: 'ana-2026', key: 'ana.pem', signs_for: ['ana@example.com'] }] });
    expect(loaded.approval).toMatchObject({ verification: 'signed', signature: { audience: 'faber-db', issuer: null, jwks_url: null, keys: [{ id: 'ana-2026', thumbprint: ana.known.thumbprint, signs_for: ['ana@example.com'] }] } });
    await expect(config({ keys: [{ key: 'gone.pem', signs_for: ['ana'] }] })).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining('safety.approval.keys[0].key: the file cannot be read (ENOENT)') });
  });
});
