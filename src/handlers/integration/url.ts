/** A plugin, or a webhook, that is a URL: one document by POST, the answer in the body. */
import { type Limits, PluginFailed } from './contract.js';

/**
 * @param name how the place is called in messages: a webhook's URL is a secret
 * @returns the body; empty where it is not looked at
 * @throws PluginFailed for any answer but 2xx. Redirects are not followed: what we send is for the place that the config names.
 */
export async function post(url: string, name: string, document: string, limits: Limits): Promise<string> {
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const signal = limits.signal ? AbortSignal.any([timeout, limits.signal]) : timeout;
  try {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: document, redirect: 'manual', signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw new PluginFailed('http_status', `${name} answered ${response.status === 0 ? 'with a redirect' : `HTTP ${response.status}`}`);
    }
    return await bodyOf(response, name, limits.answerBytes);
  } catch (error) {
    if (error instanceof PluginFailed) throw error;
    limits.signal?.throwIfAborted();
    if (timeout.aborted) throw new PluginFailed('timeout', `${name} took longer than ${limits.timeoutMs / 1000} s`);
    // The message of fetch and of its causes may quote the URL.
    const code = (error as { cause?: { code?: unknown } }).cause?.code;
    throw new PluginFailed('unreachable', `${name} cannot be reached${typeof code === 'string' ? ` (${code.slice(0, 40)})` : ''}`);
  }
}

async function bodyOf(response: Response, name: string, most: number | null): Promise<string> {
  if (most === null) {
    await response.body?.cancel();
    return '';
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > most) throw new PluginFailed('too_much_output', `${name} answered more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
