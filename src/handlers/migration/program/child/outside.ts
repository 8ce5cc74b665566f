/** Tells statements that reach outside of their database, by the grammar of the system. */
import type { Provider } from '../../../../contract/settings.js';
import { statementsOutside, type OutsideFunctions } from '../../script/postgresql/outside-effects.js';
import { parseNow, parseScript } from '../../script/postgresql/parse.js';

type Filter = (sql: string) => string | null;

const FILTERS: Partial<Record<Provider, () => Promise<Filter>>> = {
  async postgresql() {
    // Loads the grammar, which then parses without waiting.
    await parseScript(new Uint8Array());
    const functions: OutsideFunctions = new Set();
    return (sql) => statementsOutside(parseNow(sql), functions)[0]?.what ?? null;
  },
};

/** null where no statement of that system can. */
export async function outsideFilter(provider: Provider): Promise<Filter | null> {
  return (await FILTERS[provider]?.()) ?? null;
}
