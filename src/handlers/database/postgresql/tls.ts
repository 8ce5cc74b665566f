/**
 * `sslmode` and its files with libpq's meaning. The driver reads `require` and `prefer` as verify-full, libpq and Prisma
 * encrypt without verifying; a URL must mean the same to pg_dump and to us.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { unusable } from './url-parts.js';

const MODES = ['disable', 'allow', 'prefer', 'require', 'no-verify', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof MODES)[number];

export interface Tls {
  mode: SslMode;
  /** CA file that must have signed the server's certificate; `system`: those the system trusts. */
  rootCertificate: string | null;
  certificate: string | null;
  key: string | null;
  keyPassword: string | null;
}

/**
 * Reads libpq's `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `sslpassword` and Prisma's `sslaccept` and its `sslcert`
 * (a CA where no `sslkey` stands beside it). @throws FaberError connection_not_configured.
 */
export function tlsParameters(parameters: ReadonlyMap<string, string>): Tls {
  const given = parameters.get('sslmode') ?? 'prefer';
  const known = MODES.find((mode) => mode === given);
  if (!known) throw unusable(`its sslmode is none of ${MODES.join(', ')}`);
  if (parameters.has('sslidentity')) {
    throw unusable('it names a PKCS #12 file (sslidentity), which libpq cannot read', ['Convert it to PEM and name sslcert and sslkey.']);
  }
  const key = parameters.get('sslkey') ?? null;
  const sslcert = parameters.get('sslcert') ?? null;
  const rootCertificate = parameters.get('sslrootcert') ?? (key === null ? sslcert : null);
  const strict = parameters.get('sslaccept') === 'strict' && known !== 'disable';
  // libpq: `require` with a CA file verifies the chain, as verify-ca does.
  const raised = known === 'require' && rootCertificate !== null && parameters.get('sslaccept') === undefined ? 'verify-ca' : known;
  return { mode: strict ? 'verify-full' : raised, rootCertificate, certificate: key === null ? null : sslcert, key, keyPassword: parameters.get('sslpassword') ?? null };
}

/** What to try, in order: `false` is a connection without TLS. Only `prefer` and `allow` have a second try. */
export function tlsAttempts(tls: Tls, isSocket: boolean): (ConnectionOptions | false)[] {
  if (isSocket || tls.mode === 'disable') return [false];
  if (tls.mode === 'prefer') return [tlsOptions(tls), false];
  if (tls.mode === 'allow') return [false, tlsOptions(tls)];
  return [tlsOptions(tls)];
}

function tlsOptions(tls: Tls): ConnectionOptions {
  const verify = tls.mode === 'verify-ca' || tls.mode === 'verify-full';
  return {
    rejectUnauthorized: verify,
    ...(tls.mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
    ...(verify && tls.rootCertificate !== null && tls.rootCertificate !== 'system' && { ca: read(tls.rootCertificate, 'sslrootcert') }),
    ...(tls.certificate !== null && { cert: read(tls.certificate, 'sslcert') }),
    ...(tls.key !== null && { key: read(tls.key, 'sslkey') }),
    ...(tls.keyPassword !== null && { passphrase: tls.keyPassword }),
  };
}

/** The same for programs that use libpq, which has no `no-verify`: its `require` without a CA file is that. */
export function tlsEnvironment(tls: Tls): Record<string, string> {
  return {
    PGSSLMODE: tls.mode === 'no-verify' ? 'require' : tls.mode,
    ...(tls.rootCertificate !== null && { PGSSLROOTCERT: tls.rootCertificate }),
    ...(tls.certificate !== null && { PGSSLCERT: tls.certificate }),
    ...(tls.key !== null && { PGSSLKEY: tls.key }),
  };
}

function read(file: string, parameter: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unusable(`the file named by ${parameter} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
