/** Public keys as a config names them: PEM text, a JWK, or a file with one of these or with a JWK set. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { PublicKey, ReadPublicKeys } from '../../contract/approval-settings.js';
import type { SignatureAlgorithm } from '../../contract/settings.js';

const MOST_BYTES = 256 * 1024;
const SMALLEST_RSA = 2048;

/** @param workingDirectory what paths are relative to */
export function publicKeyReader(workingDirectory: string): ReadPublicKeys {
  return (source) => {
    if (typeof source !== 'string') return keysOf(source);
    return isPem(source) ? [fromPem(source)] : fromFile(resolve(workingDirectory, source));
  };
}

const isPem = (text: string): boolean => text.includes('-----BEGIN ');

function fromFile(path: string): PublicKey[] {
  let text: string;
  try {
    if (statSync(path).size > MOST_BYTES) throw Object.assign(new Error(), { code: 'too large' });
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, { cause: error });
  }
  if (isPem(text)) return [fromPem(text)];
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error('the file holds neither PEM nor JSON', { cause: error });
  }
  return keysOf(parsed);
}

function keysOf(value: unknown): PublicKey[] {
  const { keys } = (value ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys)) return [fromJwk(value)];
  if (keys.length === 0 || keys.length > 50) throw new Error('the key set must hold 1 to 50 keys');
  // Sets of login services hold keys for encryption too.
  return keys.filter((key) => (key as { use?: unknown } | null)?.use !== 'enc').map(fromJwk);
}

function fromPem(pem: string): PublicKey {
  // Node would derive the public key of a private one: it must not lie in a checkout at all.
  if (pem.includes('PRIVATE KEY-----')) throw new Error('it is a private key; decisions are verified with the public one (openssl pkey -pubout)');
  return describe(parsed(() => createPublicKey(pem)), null);
}

function fromJwk(value: unknown): PublicKey {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is not a JWK');
  const jwk = value as Record<string, unknown>;
  if ('d' in jwk || jwk['kty'] === 'oct') throw new Error('it is a private or secret key; decisions are verified with public ones');
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') throw new Error('it is not for signatures ("use")');
  const key = describe(parsed(() => createPublicKey({ key: jwk, format: 'jwk' })), typeof jwk['kid'] === 'string' ? jwk['kid'].slice(0, 200) : null);
  if (jwk['alg'] !== undefined && jwk['alg'] !== key.algorithm) throw new Error(`its "alg" is not ${key.algorithm}, which such a key is used with`);
  return key;
}

function parsed(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch (error) {
    throw new Error('it is not a public key that can be read', { cause: error });
  }
}

function describe(key: KeyObject, kid: string | null): PublicKey {
  const algorithm = algorithmOf(key);
  const jwk = key.export({ format: 'jwk' }) as Record<string, unknown>;
  return { kid, thumbprint: thumbprint(jwk), algorithm, jwk };
}

/** One algorithm a key: what a token's header says never chooses it. */
function algorithmOf(key: KeyObject): SignatureAlgorithm {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'ES256';
  if (key.asymmetricKeyType === 'rsa' && (modulusLength ?? 0) >= SMALLEST_RSA) return 'RS256';
  throw new Error('it is not an Ed25519, P-256 or RSA (2048 bits or more) key');
}

/** RFC 7638: the required members in the order of their names. */
function thumbprint(jwk: Record<string, unknown>): string {
  const members = Object.fromEntries(['crv', 'e', 'kty', 'n', 'x', 'y'].filter((name) => jwk[name] !== undefined).map((name) => [name, jwk[name]]));
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}
