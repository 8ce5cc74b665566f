/** Scripts of Prisma's engine on SQLite. */
import { scriptEffects } from '../../script/sqlite/effects.js';
import { runOn } from '../../script/sqlite/make-schema.js';
import { parseScript } from '../../script/sqlite/parse.js';
import { tablesMadeBy } from '../../script/sqlite/tables.js';
import type { ScriptGeneration } from '../runner.js';

export const sqliteGeneration: ScriptGeneration = {
  engine: 'sqlite',
  system: 'SQLite',
  arrange: async (script) => script,
  async dangers(script, before) {
    const tables = tablesMadeBy(before.map(({ up }) => up));
    return scriptEffects(parseScript(Buffer.from(script)), tables).filter(({ level }) => level === 'danger').map(({ message }) => message);
  },
  run: (session, script) => runOn(session, parseScript(Buffer.from(script))),
};
