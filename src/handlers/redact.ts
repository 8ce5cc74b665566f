/**
 * The one redaction of text that leaves a handler: messages of servers and programs can repeat a URL, a password or a
 * connection string in whatever form they were given it.
 */

const MASK = '***';
/** `scheme://anything@`: greedy up to the last `@` of the word, since raw passwords may hold `@`, `/` and `:`. */
const URL_USERINFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>]*@/gi;
/** `password=...` of connection strings and environment listings, quoted or not. */
const PASSWORD_SETTING = /\b((?:pg|ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|"[^"]*"|[^\s,;&]+)/gi;

/**
 * Returns a function that replaces every given secret, in each form it can take in text, and the user information of
 * any URL by `***`. Empty secrets are ignored. The function is pure and never throws.
 *
 * @example
 * const redact = redactor(target.secrets);
 * throw new FaberError({ code: 'backup_failed', message: redact(stderr) });
 */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const forms = [...new Set(secrets.flatMap(formsOf))].sort((a, b) => b.length - a.length);
  const known = forms.length > 0 ? new RegExp(forms.map(escapeRegExp).join('|'), 'g') : null;
  return (text) => {
    const withoutKnown = known ? text.replace(known, MASK) : text;
    return withoutKnown.replace(URL_USERINFO, `$1${MASK}@`).replace(PASSWORD_SETTING, `$1${MASK}`);
  };
}

/** Plain, percent-encoded (by component, by URL, by form, in lower-case hex), doubled quotes, JSON-escaped, and base64. */
function formsOf(secret: string): string[] {
  if (secret === '') return [];
  const component = encodeURIComponent(secret);
  const everyByte = [...Buffer.from(secret)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  const encoded = [component, encodeURI(secret), strictComponent(secret), everyByte];
  return [
    secret,
    ...encoded,
    ...encoded.map((form) => form.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())),
    component.replaceAll('%20', '+'),
    new URLSearchParams({ _: secret }).toString().slice(2),
    secret.replaceAll("'", "''"),
    secret.replace(/['\\]/g, '\\$&'),
    JSON.stringify(secret).slice(1, -1),
    ...base64Forms(secret),
  ];
}

/** As strict URL encoders write it: also the characters that encodeURIComponent leaves. */
function strictComponent(secret: string): string {
  return encodeURIComponent(secret).replace(/[!'()*~._-]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * Base64 of text that holds the secret anywhere, as in the header `Basic base64(user:password)`: the characters that depend on
 * the secret alone, for each of the three positions it can start at. Short cores are left out: they match by chance.
 */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const cores = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64').replaceAll('=', '');
    const end = Math.floor(((offset + bytes.length) * 8) / 6);
    return encoded.slice(Math.ceil((offset * 8) / 6), end);
  });
  const whole = bytes.toString('base64');
  return [whole, ...cores]
    .filter((form) => form.length >= 6)
    .flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
