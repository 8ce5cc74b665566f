/** The objects that a statement changes, and their definitions as the server has them. */
import type { Session } from '../../../database/contract.js';
import { quoted } from '../../../database/mysql/names.js';
import { tableDefinition } from '../../../database/mysql/schema-objects.js';
import { errnoOf } from '../../../database/mysql/server-failure.js';
import type { Change, CodeKind } from './change.js';
import { plain } from './effects.js';
import type { QualifiedName } from './statements.js';

export interface Touched { kind: 'table' | CodeKind; name: QualifiedName }

/** What is named in the statement; a table that comes by it too. */
export function touchedBy(change: Change): Touched[] {
  const tables = (...names: QualifiedName[]): Touched[] => names.map((name) => ({ kind: 'table', name }));
  switch (change.kind) {
    case 'create_table': case 'create_index': case 'drop_index': case 'truncate':
      return tables(change.table);
    case 'alter_table':
      return tables(change.table, ...change.actions.flatMap((action) => (action.kind === 'rename_table' ? [{ database: action.database, name: action.to }] : [])));
    case 'drop_tables':
      return tables(...change.tables);
    case 'rename_tables':
      return tables(...change.pairs.flat());
    case 'create_code': case 'drop_code':
      return [{ kind: change.of, name: change.name }];
    default:
      return [];
  }
}

export const keyOf = ({ kind, name }: Touched) => `${kind} ${plain(name)}`;

/** The name for SQL, in the database of the script where none is given. */
export const sqlName = (database: string, name: QualifiedName) => `${quoted(name.database ?? database)}.${quoted(name.name)}`;

/** No such view, routine, trigger or event. */
const NOT_THERE = new Set([1146, 1305, 1360, 1539, 1347, 1049]);

/** As the server writes it; null where there is none. */
export async function definitionOf(session: Session, database: string, { kind, name }: Touched): Promise<string | null> {
  if (kind === 'table') return tableDefinition(session, name.database ?? database, name.name);
  try {
    const [row] = await session.query<Record<string, string | null>>(`SHOW CREATE ${kind.toUpperCase()} ${sqlName(database, name)}`);
    return row ? JSON.stringify(Object.entries(row).filter(([column]) => column !== 'Created')) : null;
  } catch (error) {
    if (NOT_THERE.has(errnoOf(error) ?? 0)) return null;
    throw error;
  }
}

export type Definitions = Record<string, string | null>;

/** Of every object that these statements change, by its kind and name. */
export async function definitionsOf(session: Session, database: string, changes: readonly Change[]): Promise<Definitions> {
  const definitions: Definitions = {};
  for (const touched of changes.flatMap(touchedBy)) {
    const key = keyOf(touched);
    if (!(key in definitions)) definitions[key] = await definitionOf(session, database, touched);
  }
  return definitions;
}
