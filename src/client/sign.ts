/** Signs decisions with a person's private key, which never leaves this process. */
import { createPrivateKey, createPublicKey, type KeyObject, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { calculateJwkThumbprint, SignJWT } from 'jose';
import type { DecisionClaims } from '../contract/decision.js';
import { FaberError } from '../contract/failure.js';
import type { SignatureAlgorithm } from '../contract/settings.js';

/** The passphrase of a private key; there is no option for it: arguments are visible to everyone on the host. */
export const PASSPHRASE_VARIABLE = 'FABER_DB_KEY_PASSPHRASE';

/** Time for a worker to take the decision up; a token is for a decision that waits now. */
const LIFETIME_SECONDS = 3600;

export interface PrivateKey {
  key: KeyObject;
  algorithm: SignatureAlgorithm;
  /** `kid`: of the JWK, else the thumbprint of RFC 7638. */
  id: string;
}

export interface ToSign extends Omit<DecisionClaims, 'iat' | 'exp' | 'jti'> {
  audience: string;
  issuer?: string;
}

/** @returns the JWT to send as `token`. It holds for an hour and counts once. */
export async function signDecision({ key, algorithm, id }: PrivateKey, { audience, issuer, ...claims }: ToSign): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const token = new SignJWT({ ...claims })
    .setProtectedHeader({ alg: algorithm, kid: id, typ: 'JWT' })
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + LIFETIME_SECONDS)
    .setJti(randomUUID());
  if (issuer !== undefined) token.setIssuer(issuer);
  return token.sign(key);
}

/**
 * Reads a private key: PEM (PKCS #8, also encrypted) or JWK.
 * @param env holds the passphrase of an encrypted key
 * @throws FaberError invalid_request, which says what is wrong and nothing of the key
 */
export async function readPrivateKey(path: string, env: NodeJS.ProcessEnv): Promise<PrivateKey> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw refused(`The key ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, error);
  }
  const { key, kid } = parse(text, path, env[PASSPHRASE_VARIABLE]);
  const id = kid ?? (await calculateJwkThumbprint(createPublicKey(key)));
  return { key, algorithm: algorithmOf(key, path), id };
}

function parse(text: string, path: string, passphrase: string | undefined): { key: KeyObject; kid: string | null } {
  try {
    if (text.includes('-----BEGIN ')) return { key: createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) }), kid: null };
    const jwk = JSON.parse(text) as Record<string, unknown>;
    return { key: createPrivateKey({ key: jwk, format: 'jwk' }), kid: typeof jwk['kid'] === 'string' ? jwk['kid'] : null };
  } catch (error) {
    if (text.includes('PUBLIC KEY-----')) throw refused(`${path} is a public key; decisions are signed with the private one`, error);
    if (/ENCRYPTED/.test(text)) throw refused(`The key ${path} is encrypted, and ${PASSPHRASE_VARIABLE} ${passphrase === undefined ? 'is not set' : 'does not open it'}`, error);
    throw refused(`${path} is not a private key that can be read (PEM in PKCS #8, or a JWK)`, error);
  }
}

function algorithmOf(key: KeyObject, path: string): SignatureAlgorithm {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'ES256';
  if (key.asymmetricKeyType === 'rsa' && (modulusLength ?? 0) >= 2048) return 'RS256';
  throw refused(`${path} is not an Ed25519, P-256 or RSA (2048 bits or more) key`);
}

function refused(message: string, cause?: unknown): FaberError {
  return new FaberError({ code: 'invalid_request', message, suggestions: ['Make one: openssl genpkey -algorithm ed25519 -out decisions.pem'] }, { cause });
}
