/** Scripts of Prisma's engine on PostgreSQL. */
import { parseScript } from '../../script/postgresql/parse.js';
import { scriptEffects } from '../../script/postgresql/script-effects.js';
import { planTransaction } from '../../script/postgresql/transaction.js';
import type { ScriptGeneration } from '../runner.js';
import { asOneTransaction, withoutSchema } from './arrange.js';

export const postgresGeneration: ScriptGeneration = {
  engine: 'postgres',
  system: 'PostgreSQL',
  async arrange(script, schema) {
    const whole = await asOneTransaction(script);
    return schema === null ? whole : withoutSchema(whole, schema);
  },
  async dangers(script) {
    return scriptEffects(await parseScript(Buffer.from(script))).filter(({ level }) => level === 'danger').map(({ message }) => message);
  },
  /** One transaction, unless it is one statement that refuses that. */
  async run(session, script) {
    const { text } = planTransaction(await parseScript(Buffer.from(script)));
    await session.script(text);
  },
};
