/** Recognises text that may hold a secret, so that it is neither accepted in a config nor quoted in a message. */

/** `scheme://`: a connection string or a webhook. Places of objects (`s3://bucket`) carry no secret of their own. */
const URL_PATTERN = /([a-z][a-z0-9+.-]{0,30}):\/\/([^\s/]*)/i;
const PLACES = new Set(['s3', 'gs']);

/** libpq's other form: `host=db user=app password=…`. */
const KEYWORD_PASSWORD = /\b(password|passwd|pwd)\s*=/i;

/** Why the text may not stand in a config, or undefined when it may. Never quotes the text. */
export function secretIn(text: string): 'a URL' | 'a password' | 'a key' | undefined {
  if (/AGE-SECRET-KEY-/i.test(text)) return 'a key';
  const url = URL_PATTERN.exec(text);
  if (url) {
    const [, scheme = '', authority = ''] = url;
    if (!PLACES.has(scheme.toLowerCase()) || authority.includes('@')) return 'a URL';
  }
  return KEYWORD_PASSWORD.test(text) ? 'a password' : undefined;
}

/** Keys whose text value is a secret by their name, whatever it looks like. */
const SECRET_KEY = /^(password|passwd|secret|token|api_?key|connection_?string|(database_?)?url|dsn)$/i;

export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key);
}
