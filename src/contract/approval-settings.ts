/** Who may approve and how that is verified, from the config: names of keys become the keys. */
import type { Config } from './config.js';
import type { Risk, Settings, SignatureAlgorithm, SignatureSettings, SignerKey } from './settings.js';

/** A public key as it was found. */
export interface PublicKey {
  /** `kid` of a JWK. */
  kid: string | null;
  thumbprint: string;
  algorithm: SignatureAlgorithm;
  jwk: Record<string, unknown>;
}

/** Reads a public key: PEM text, a JWK, or the path of a file with one, or with a set of them. @throws Error that says what is wrong, never quoting the key */
export type ReadPublicKeys = (source: string | Record<string, unknown>) => PublicKey[];

const DAY = 24 * 3600;
const RISKS: readonly Risk[] = ['low', 'medium', 'high', 'destructive'];
const AT = 'safety.approval';

/**
 * @param problems gets a sentence for each thing that is wrong: a config that asks for signatures and cannot have them verified
 *   must never fall back to none
 */
export function approvalSettings(config: Config, read: ReadPublicKeys | undefined, problems: string[]): Settings['approval'] {
  const { approvers, minimum_approvals, forbid_requester, confirmation_phrase, timeouts, verification } = config.safety.approval;
  return {
    approvers,
    minimum_approvals,
    forbid_requester,
    confirmation_phrase,
    timeout_seconds: Object.fromEntries(RISKS.map((risk) => [risk, Math.ceil(timeouts[risk] ?? DAY)])) as Record<Risk, number>,
    verification,
    ...(verification === 'signed' ? { signature: signatureSettings(config, read, problems) } : {}),
  };
}

function signatureSettings(config: Config, read: ReadPublicKeys | undefined, problems: string[]): SignatureSettings {
  const { keys, jwks, issuer = null, audience } = config.safety.approval;
  const url = jwks !== undefined && /^[a-z][a-z0-9+.-]*:/i.test(jwks);
  if (keys.length === 0 && jwks === undefined) problems.push(`${AT}.verification is signed, and ${AT} has neither keys nor jwks to verify signatures with`);
  // Whoever publishes a key set vouches for the names in its tokens: a token of somebody else's set must not do.
  if (jwks !== undefined && issuer === null) problems.push(`${AT}.jwks needs ${AT}.issuer, which each token must name`);
  if (url && !isPlainHttps(jwks)) problems.push(`${AT}.jwks must be an https URL without user information, or a file`);
  const found: SignerKey[] = keys.flatMap(({ id, key, signs_for }, at) => readAll(`${AT}.keys[${at}].key`, key, read, problems).map((k) => signer(k, id, signs_for)));
  if (jwks !== undefined && !url) found.push(...readAll(`${AT}.jwks`, jwks, read, problems).map((k) => signer(k, undefined, ['*'])));
  const twice = found.find((k, at) => found.findIndex((other) => other.id === k.id || other.thumbprint === k.thumbprint) !== at);
  if (twice) problems.push(`${AT} has the key ${twice.id} twice`);
  return { audience, issuer, keys: found, jwks_url: url ? jwks : null };
}

const signer = ({ kid, ...key }: PublicKey, id: string | undefined, signsFor: string[]): SignerKey => ({ id: id ?? kid ?? key.thumbprint, ...key, signs_for: signsFor });

function readAll(path: string, source: string | Record<string, unknown>, read: ReadPublicKeys | undefined, problems: string[]): PublicKey[] {
  if (read === undefined) {
    problems.push(`${path}: keys are read on the worker only`);
    return [];
  }
  try {
    return read(source);
  } catch (error) {
    problems.push(`${path}: ${(error as Error).message}`);
    return [];
  }
}

/** Also for the search for secrets: the places of a config that may hold a URL. */
export function isPlainHttps(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search } = new URL(text);
  return protocol === 'https:' && username === '' && password === '' && search === '';
}

/** Keys that have no effect as things are. */
export function approvalRemarks(config: Config): string[] {
  const { verification, keys, jwks } = config.safety.approval;
  if (verification === 'signed' || (keys.length === 0 && jwks === undefined)) return [];
  return [`${AT}.${keys.length > 0 ? 'keys' : 'jwks'} has no effect: ${AT}.verification is ${verification}, not signed`];
}
