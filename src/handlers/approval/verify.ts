/**
 * Signed decisions (RFC 7519, with the advice of RFC 8725): the key decides the algorithm, never the token; keys come from
 * the config, never from the token's header; every claim that ties the decision to one plan of one operation is required.
 */
import { createLocalJWKSet, createRemoteJWKSet, decodeJwt, decodeProtectedHeader, errors, type JSONWebKeySet, type JWTHeaderParameters, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { matchesPattern } from '../../contract/pattern.js';
import { DecisionClaims } from '../../contract/decision.js';
import { SignatureAlgorithm, type SignatureSettings, type SignerKey } from '../../contract/settings.js';
import { type Expected, KeysUnavailable, type TokenVerdict, type VerifyToken } from './contract.js';

/** Clocks of people's machines are off by seconds. */
const CLOCK_TOLERANCE_SECONDS = 30;
/** A token is for one decision that waits now: one that holds for longer is a key lying about. */
const MOST_LIFETIME_SECONDS = 7 * 24 * 3600;
const SHOWN_LENGTH = 120;

/** A decision that does not count, with the reason. */
class Refused extends Error {}

interface Found {
  getKey: JWTVerifyGetKey;
  /** How plan, answer and audit name the key that verified. */
  name: (header: JWTHeaderParameters) => string;
  signsFor: readonly string[];
}

export const verifyToken: VerifyToken = async (token, expected, settings) => {
  try {
    return await verified(token, expected, settings);
  } catch (error) {
    if (error instanceof KeysUnavailable) throw error;
    return { ok: false, by: claimedSubject(token), reason: error instanceof Refused ? error.message : reasonOf(error) };
  }
};

async function verified(token: string, expected: Expected, settings: SignatureSettings): Promise<TokenVerdict> {
  const header = decodeProtectedHeader(token) as JWTHeaderParameters;
  const found = await findKey(header, settings);
  const { payload } = await jwtVerify(token, found.getKey, {
    algorithms: [...SignatureAlgorithm.options],
    audience: settings.audience,
    ...(settings.issuer === null ? {} : { issuer: settings.issuer }),
    requiredClaims: ['sub', 'exp', 'iat', 'jti'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
  });
  const parsed = DecisionClaims.safeParse(payload);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Refused(`the token does not fit: ${issue?.path.join('.') || 'claims'} ${issue?.message ?? ''}`.trim());
  }
  const claims = parsed.data;
  requireThisDecision(claims, expected);
  if (!found.signsFor.some((pattern) => matchesPattern(pattern, claims.sub))) throw new Refused('the key that signed it may not sign for this name');
  return { ok: true, claims, key_id: found.name(header) };
}

/** What ties the decision to one question. */
function requireThisDecision(claims: DecisionClaims, expected: Expected): void {
  if (claims.operation !== expected.operation_id) throw new Refused('the token is for another operation');
  if (claims.run !== undefined && claims.run !== expected.run_id) throw new Refused('the token is for another run of this operation');
  if (claims.plan !== expected.plan_hash) throw new Refused('the token is for another plan');
  if (claims.decision !== expected.decision) throw new Refused(`the token says ${claims.decision}, it was sent as ${expected.decision}`);
  const now = Date.now() / 1000;
  if (claims.iat > now + CLOCK_TOLERANCE_SECONDS) throw new Refused('the token was made in the future (iat)');
  if (claims.exp - claims.iat > MOST_LIFETIME_SECONDS) throw new Refused('the token is valid for more than seven days');
  // An id may be used again after an operation ended, with the same plan: what was signed for the earlier run is void.
  if (claims.iat < expected.not_before / 1000 - CLOCK_TOLERANCE_SECONDS) throw new Refused('the token was made before this was asked');
}

async function findKey(header: JWTHeaderParameters, settings: SignatureSettings): Promise<Found> {
  const { alg, kid } = header;
  if (!SignatureAlgorithm.options.some((known) => known === alg)) throw new errors.JOSEAlgNotAllowed();
  const named = settings.keys.filter((key) => kid === undefined || [key.id, key.thumbprint, key.jwk['kid']].includes(kid));
  const usable = named.filter((key) => key.algorithm === alg);
  if (named.length > 0 && usable.length === 0 && kid !== undefined) throw new Refused(`the algorithm ${alg} is not that of the key`);
  const [key] = usable;
  if (usable.length > 1) throw new Refused('several keys could have signed it: its header must name one (kid)');
  if (key !== undefined) return { ...local(key), signsFor: key.signs_for };
  if (settings.jwks_url === null) throw new Refused('the key that signed it is not known here');
  return { getKey: await remote(settings.jwks_url), name: ({ kid: id }) => id ?? 'of the key set', signsFor: ['*'] };
}

function local(key: SignerKey): Pick<Found, 'getKey' | 'name'> {
  const set: JSONWebKeySet = { keys: [{ ...key.jwk, alg: key.algorithm } as JSONWebKeySet['keys'][number]] };
  const getKey = createLocalJWKSet(set);
  // The key was chosen above, by any of its names: the set of one must not look at the name again.
  return { getKey: (header, token) => getKey({ alg: header.alg } as JWTHeaderParameters, token), name: () => key.id };
}

const sets = new Map<string, ReturnType<typeof createRemoteJWKSet>>();

/** Cached for ten minutes; an unknown `kid` asks again, at most every 30 seconds. Redirects are not followed. */
async function remote(url: string): Promise<JWTVerifyGetKey> {
  let set = sets.get(url);
  if (set === undefined) sets.set(url, (set = createRemoteJWKSet(new URL(url), { timeoutDuration: 5_000 })));
  const ready = set;
  if (!ready.fresh) await ready.reload().catch(() => unavailable(url));
  return (header, token) =>
    ready(header, token).catch((error: unknown) => {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      return unavailable(url);
    });
}

function unavailable(url: string): never {
  throw new KeysUnavailable(`the key set of ${new URL(url).host} cannot be fetched now`);
}

const WORDS: Record<string, string> = {
  ERR_JWT_EXPIRED: 'the token has expired',
  ERR_JOSE_ALG_NOT_ALLOWED: `the token must be signed with ${SignatureAlgorithm.options.join(', ')}`,
  ERR_JOSE_NOT_SUPPORTED: 'the token wants something that is not supported (crit)',
  ERR_JWS_INVALID: 'it is not a signed JWT',
  ERR_JWT_INVALID: 'it is not a signed JWT',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'the signature is not that of the key',
  ERR_JWKS_NO_MATCHING_KEY: 'the key that signed it is not known here',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'several keys could have signed it: its header must name one (kid)',
};
const CLAIMS: Record<string, string> = { aud: 'the token is for another audience', iss: 'the token is of another issuer', nbf: 'the token is not valid yet' };

/** The library's own texts may quote the token. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === 'missing') return `the token lacks ${error.claim}`;
    return CLAIMS[error.claim] ?? `the token's ${error.claim} does not fit`;
  }
  if (error instanceof errors.JOSEError) return WORDS[error.code] ?? 'the token could not be verified';
  return 'it is not a signed JWT';
}

function claimedSubject(token: string): string | null {
  try {
    const { sub } = decodeJwt(token);
    return typeof sub === 'string' ? sub.slice(0, SHOWN_LENGTH) : null;
  } catch {
    return null;
  }
}
