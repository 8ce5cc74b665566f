/** What the grammar of a system tells of a statement before it is sent. */
import type { Provider } from '../../../../contract/settings.js';
import type { OutsideFunctions } from '../../script/postgresql/outside-effects.js';

export interface StatementReader {
  /** What of it reaches outside of the database, in words. */
  outside: (sql: string) => string | null;
  /** Whether it ends the transaction that it runs in. */
  endsTransaction: (sql: string) => boolean;
}

const READERS: Partial<Record<Provider, () => Promise<StatementReader>>> = {
  async postgresql() {
    const [{ statementsOutside }, { parseNow, parseScript }] = await Promise.all([import('../../script/postgresql/outside-effects.js'), import('../../script/postgresql/parse.js')]);
    // Loads the grammar, which then parses without waiting.
    await parseScript(new Uint8Array());
    const functions: OutsideFunctions = new Set();
    return {
      outside: (sql) => statementsOutside(parseNow(sql), functions)[0]?.what ?? null,
      endsTransaction: (sql) =>
        /\b(?:commit|rollback|end|abort|prepare)\b/i.test(sql) &&
        parseNow(sql).statements.some(({ node }) => 'TransactionStmt' in node && /^TRANS_STMT_(?:COMMIT|ROLLBACK|PREPARE)$/.test(node.TransactionStmt.kind ?? '')),
    };
  },
};

const READS_NOTHING: StatementReader = { outside: () => null, endsTransaction: () => false };

export async function readStatements(provider: Provider): Promise<StatementReader> {
  return (await READERS[provider]?.()) ?? READS_NOTHING;
}
