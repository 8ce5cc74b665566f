/** Plugins as the config names them: a URL is posted to, anything else is a program. */
import { CloudAnswer } from '../../contract/plugin.js';
import { isPluginUrl } from '../../contract/plugin-url.js';
import { type Limits, PluginFailed, type PluginPlace, type Plugins } from './contract.js';
import { runExecutable } from './executable.js';
import { post } from './url.js';

const DELIVERY: Limits = { timeoutMs: 30_000, answerBytes: null };
/** A plugin that provisions answers `pending` and goes on by itself; it does not keep us waiting. */
const CLOUD: Limits = { timeoutMs: 120_000, answerBytes: 64 * 1024 };

/**
 * @param env the worker's environment variables
 * @param limits for tests
 */
export function plugins(env: NodeJS.ProcessEnv, limits: { delivery: Limits; cloud: Limits } = { delivery: DELIVERY, cloud: CLOUD }): Plugins {
  const hand = async (place: PluginPlace, document: object, within: Limits) => {
    const text = JSON.stringify(document);
    return isPluginUrl(place.plugin) ? post(place.plugin, `The plugin ${place.plugin}`, text, within) : runExecutable(place, text, within, env);
  };
  return {
    async deliver(place, document) {
      await hand(place, document, limits.delivery);
    },
    async askCloud(place, request, signal) {
      const text = await hand(place, request, { ...limits.cloud, ...(signal ? { signal } : {}) });
      const parsed = CloudAnswer.safeParse(jsonOf(text, place.plugin));
      if (parsed.success) return parsed.data;
      const where = parsed.error.issues.map((issue) => issue.path.join('.') || 'the answer').join(', ');
      throw new PluginFailed('not_an_answer', `The plugin ${place.plugin} answered JSON that is no answer by the contract (${where}); expected {"status": "ready" | "pending" | "failed"}`);
    },
  };
}

function jsonOf(text: string, plugin: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PluginFailed('not_json', `The plugin ${plugin} answered ${text.trim() === '' ? 'nothing' : 'something that is not JSON'}; logs belong on stderr`);
  }
}
