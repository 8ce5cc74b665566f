/** Keys and tokens as people, issuers and attackers would make them. */
import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { PublicKey } from '../../src/contract/approval-settings.js';
import { publicKeyReader } from '../../src/handlers/approval/index.js';
import type { SignatureAlgorithm, SignatureSettings } from '../../src/contract/settings.js';

export interface Signer {
  algorithm: SignatureAlgorithm;
  privateKey: KeyObject;
  publicKey: KeyObject;
  pem: string;
  known: PublicKey;
}

export function signer(algorithm: SignatureAlgorithm = 'EdDSA'): Signer {
  const { privateKey, publicKey } =
    algorithm === 'EdDSA' ? generateKeyPairSync('ed25519') : algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  return { algorithm, privateKey, publicKey, pem, known: publicKeyReader('/')(pem)[0]! };
}

export const PLAN = createHash('sha256').update('a plan').digest('hex');
export const EXPECTED = { operation_id: 'release-417', run_id: 'run-1', plan_hash: PLAN, decision: 'approve', not_before: Date.now() - 60_000 };

export interface Told {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
}

/** A token that would count, with what is told changed; `undefined` leaves a claim out. */
export async function tokenBy({ algorithm, privateKey }: Signer, { claims = {}, header = {} }: Told = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const all = { sub: 'ana@example.com', aud: 'faber-db', iat: now, exp: now + 600, jti: randomUUID(), operation: EXPECTED.operation_id, plan: PLAN, decision: 'approve', ...claims };
  return new SignJWT(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))).setProtectedHeader({ alg: algorithm, ...header }).sign(privateKey);
}

export function settingsFor(signers: Signer[], more: Partial<SignatureSettings> = {}): SignatureSettings {
  const keys = signers.map(({ known: { kid: _, ...key } }, at) => ({ id: `key-${at}`, ...key, signs_for: ['ana@example.com', '*@dba.example.com'] }));
  return { audience: 'faber-db', issuer: null, jwks_url: null, keys, ...more };
}

/** A token put together by hand. */
export const forge = (header: object, claims: object, signature: string): string =>
  [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') + `.${signature}`;

export const partsOf = (token: string) => {
  const [header = '', claims = '', signature = ''] = token.split('.');
  const read = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>;
  return { header: read(header), claims: read(claims), signature, signed: `${header}.${claims}` };
};
