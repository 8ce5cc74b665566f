/**
 * Splits a PostgreSQL URL into its parts, the way libpq and Prisma do, not the WHATWG way: a user may hold `%`, a host
 * may be a folder, and a raw `@` in a password is told apart from a wrong URL. Nothing in an error quotes the URL.
 */
import { FaberError } from '../../../contract/failure.js';

export interface UrlParts {
  user: string;
  /** null: the URL has none (trust, peer or a password file decide). */
  password: string | null;
  /** Host name, IPv4, IPv6 without brackets, or an absolute folder of a unix socket. */
  host: string;
  port: number;
  database: string;
  /** Query parameters, percent-decoded; the last of equal names wins. */
  parameters: ReadonlyMap<string, string>;
}

const SHAPE = /^(postgres(?:ql)?):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#.*)?$/is;

/** @throws FaberError connection_not_configured, naming what is wrong and never the URL. */
export function urlParts(url: string): UrlParts {
  const match = SHAPE.exec(url.trim());
  if (!match) throw unusable('it does not begin with postgresql://');
  const [, , authority = '', path = '', query = '', fragment] = match;
  const at = authority.lastIndexOf('@');
  if (fragment !== undefined || (at < 0 && path.includes('@'))) {
    throw unusable('the user or password holds one of the characters / ? # as it is', ['Percent-encode it: / is %2F, ? is %3F, # is %23.']);
  }
  const parameters = queryParameters(query);
  const userinfo = at < 0 ? '' : authority.slice(0, at);
  const colon = userinfo.indexOf(':');
  const [hostInAuthority, portInAuthority] = hostAndPort(at < 0 ? authority : authority.slice(at + 1));

  const user = parameters.get('user') ?? decode(colon < 0 ? userinfo : userinfo.slice(0, colon));
  const password = parameters.get('password') ?? (colon < 0 ? null : decode(userinfo.slice(colon + 1)));
  const host = parameters.get('host') ?? decode(hostInAuthority);
  const port = parameters.get('port') ?? portInAuthority;
  const database = parameters.get('dbname') ?? decode(path);
  for (const unsupported of ['hostaddr', 'service', 'servicefile']) {
    if (parameters.has(unsupported)) throw unusable(`its parameter ${unsupported} is not supported`, ['Name host and port in the URL itself.']);
  }
  if (host.includes(',') || port.includes(',')) {
    throw unusable('it names several hosts', ['Name the primary alone: a change must know which server it runs on.']);
  }
  if (!/^(\d{1,5})?$/.test(port) || Number(port) > 65535) throw unusable('its port is not a number from 1 to 65535');
  if (user === '') throw unusable('it names no user');
  if (database === '') throw unusable('it names no database');
  if ([user, password, host, database].some((part) => part?.includes('\0'))) throw unusable('it holds a zero byte');
  return { user, password: password === '' ? null : password, host: host === '' ? 'localhost' : host, port: Number(port) || 5432, database, parameters };
}

function hostAndPort(text: string): [host: string, port: string] {
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(text);
  if (bracketed) return [bracketed[1]!, bracketed[2] ?? ''];
  if (text.includes(',')) return [text, ''];
  const colon = text.lastIndexOf(':');
  if (text.indexOf(':') !== colon) throw unusable('an IPv6 address stands without brackets', ['Write it as [::1]:5432.']);
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
}

function queryParameters(query: string): Map<string, string> {
  const pairs = query.split('&').filter((pair) => pair !== '').map((pair): [string, string] => {
    const equals = pair.indexOf('=');
    return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
  });
  return new Map(pairs);
}

/** Decodes `%XX`; a `%` that starts no such pair stands for itself, as Prisma reads it. A `+` is a plus. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      throw unusable('a percent-encoded part is not UTF-8');
    }
  });
}

/** An error about the URL that does not hold it. */
export function unusable(why: string, suggestions: string[] = []): FaberError {
  return new FaberError({
    code: 'connection_not_configured',
    message: `The connection URL cannot be used: ${why}.`,
    suggestions: suggestions.length > 0 ? suggestions : ['It is to be postgresql://, then user:password, an @, host:5432/database; special characters percent-encoded.'],
  });
}
