/** Reads JSON from bytes that anybody may have written: bounded, and its errors never quote what was read. */
import { MAX_DEPTH } from './depth.js';
import { FaberError, type ErrorCode } from './failure.js';
import { brokenAt } from './json-position.js';

export interface JsonTextOptions {
  /** What is read, for the message: "the request", "config.json". */
  what: string;
  code: ErrorCode;
  suggestions?: string[];
}

const MAX_BYTES = 1024 * 1024;

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (inString) {
      if (c === '\\') i += 1;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === '{' || c === '[') deepest = Math.max(deepest, (depth += 1));
    else if (c === '}' || c === ']') depth -= 1;
  }
  return deepest;
}

function decode(bytes: Uint8Array, fail: (why: string) => FaberError): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) throw fail('is UTF-16; write it as UTF-8');
  try {
    // A UTF-8 byte order mark is taken off by the decoder.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw fail('is not valid UTF-8');
  }
}

/**
 * Parses JSON text of at most 1 MiB and 64 levels, with or without a byte order mark.
 * @throws FaberError with `options.code`.
 */
export function parseJsonText(input: Uint8Array | string, options: JsonTextOptions): unknown {
  const fail = (why: string) => new FaberError({ code: options.code, message: `${options.what} ${why}`, suggestions: options.suggestions ?? [] });
  const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input;
  if (bytes.length > MAX_BYTES) throw fail(`is larger than ${MAX_BYTES} bytes`);
  const text = decode(bytes, fail);
  if (text.trim() === '') throw fail('is empty');
  if (depthOf(text) > MAX_DEPTH) throw fail(`is nested deeper than ${MAX_DEPTH} levels`);
  try {
    return JSON.parse(text);
  } catch {
    const { line, column } = brokenAt(text);
    throw fail(`is not valid JSON (line ${line}, column ${column})`);
  }
}
