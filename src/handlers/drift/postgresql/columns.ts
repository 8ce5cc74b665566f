/** Differences inside of a table: columns, and the constraints that stand in its CREATE TABLE. */
import { parseSync, type ColumnDef, type Constraint, type CreateStmt, type Node } from 'libpg-query';
import type { DriftDifference } from '../../../contract/drift.js';
import { quoted } from './names.js';

interface Element {
  name: string;
  canonical: string;
  /** As it stands in CREATE TABLE. */
  sql: string;
  column: { type: string; notNull: boolean; default: string | null; rest: string; typeCanonical: string } | null;
}

interface Body {
  elements: Map<string, Element>;
  /** All of the table that is no element. */
  rest: string;
}

/**
 * @param expected CREATE TABLE as the migrations make it; `found`: as it is
 * @returns null where the tables themselves differ (partitioning, inheritance, storage): then both are shown whole
 */
export function tableDifferences(name: string, expected: string, found: string): DriftDifference[] | null {
  const [made, there] = [bodyOf(expected), bodyOf(found)];
  if (made.rest !== there.rest) return null;
  const differences: DriftDifference[] = [];
  for (const [key, element] of made.elements) {
    const now = there.elements.get(key);
    if (now === undefined) differences.push({ object: objectOf(key, name, element), difference: 'not_in_database', sql: `ALTER TABLE ${name} DROP ${element.column ? 'COLUMN' : 'CONSTRAINT'} ${element.name};`, in_migrations: element.sql, in_database: null });
    else if (now.canonical !== element.canonical) differences.push({ object: objectOf(key, name, element), difference: 'changed', sql: alter(name, element, now), in_migrations: element.sql, in_database: now.sql });
  }
  for (const [key, element] of there.elements) {
    if (made.elements.has(key)) continue;
    differences.push({ object: objectOf(key, name, element), difference: 'not_in_migrations', sql: `ALTER TABLE ${name} ADD ${element.column ? 'COLUMN ' : ''}${element.sql};`, in_migrations: null, in_database: element.sql });
  }
  return differences;
}

const objectOf = (_key: string, table: string, { name, column }: Element) => (column ? `column ${table}.${name}` : `constraint ${name} on ${table}`);

/** Only what is exact: identity and generated columns are shown with both definitions. */
function alter(table: string, made: Element, now: Element): string | null {
  const at = `ALTER TABLE ${table}`;
  if (!made.column || !now.column) return `${at} DROP CONSTRAINT ${made.name};\n${at} ADD ${now.sql};`;
  if (made.column.rest !== now.column.rest) return null;
  const column = `${at} ALTER COLUMN ${made.name}`;
  const statements: string[] = [];
  if (made.column.typeCanonical !== now.column.typeCanonical) statements.push(`${column} TYPE ${now.column.type};`);
  if (made.column.notNull !== now.column.notNull) statements.push(`${column} ${now.column.notNull ? 'SET' : 'DROP'} NOT NULL;`);
  if (made.column.default !== now.column.default) statements.push(now.column.default === null ? `${column} DROP DEFAULT;` : `${column} SET ${now.column.default};`);
  return statements.join('\n');
}

/** Order of columns is left out: a column that was added later stands last, and no query that names its columns sees it. */
function bodyOf(sql: string): Body {
  const [parsed] = parseSync(sql).stmts ?? [];
  const statement: CreateStmt = parsed?.stmt && 'CreateStmt' in parsed.stmt ? parsed.stmt.CreateStmt : {};
  const bytes = Buffer.from(sql);
  const nodes = statement.tableElts ?? [];
  const starts = nodes.map((node) => placeOf(node));
  const elements = new Map<string, Element>();
  for (const [index, node] of nodes.entries()) {
    const end = starts[index + 1] ?? bytes.indexOf('\n)', starts[index]!);
    const text = bytes.subarray(starts[index]!, end < 0 ? bytes.length : end).toString().trim().replace(/,$/, '');
    if ('ColumnDef' in node) elements.set(`column ${node.ColumnDef.colname}`, columnOf(node.ColumnDef, text, starts[index]!));
    else if ('Constraint' in node) elements.set(`constraint ${node.Constraint.conname}`, { name: quoted(node.Constraint.conname ?? ''), canonical: canonical(node), sql: text, column: null });
  }
  return { elements, rest: canonical({ ...statement, tableElts: undefined }) };
}

function placeOf(node: Node): number {
  return ('ColumnDef' in node ? node.ColumnDef.location : 'Constraint' in node ? node.Constraint.location : 0) ?? 0;
}

/** @param sql the column's text, which begins at byte `at` of the statement */
function columnOf(definition: ColumnDef, sql: string, at: number): Element {
  const bytes = Buffer.from(sql);
  const constraints = (definition.constraints ?? []).flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));
  const places = constraints.map(({ location }) => (location ?? at) - at);
  const textOf = (constraint: Constraint) => {
    const place = (constraint.location ?? at) - at;
    return bytes.subarray(place, places.find((next) => next > place)).toString().trim();
  };
  const ofType = (type: string) => constraints.find(({ contype }) => contype === type);
  const typePlace = (definition.typeName?.location ?? at) - at;
  const byDefault = ofType('CONSTR_DEFAULT');
  return {
    name: quoted(definition.colname ?? ''),
    canonical: canonical(definition),
    sql,
    column: {
      type: bytes.subarray(typePlace, places[0] ?? bytes.length).toString().trim(),
      typeCanonical: canonical([definition.typeName, definition.collClause]),
      notNull: ofType('CONSTR_NOTNULL') !== undefined,
      default: byDefault ? textOf(byDefault) : null,
      rest: canonical(constraints.filter(({ contype }) => contype !== 'CONSTR_DEFAULT' && contype !== 'CONSTR_NOTNULL')),
    },
  };
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => (key === 'location' || key.endsWith('_location') || /^(?:r?expr_)?list_(?:start|end)$/.test(key) ? undefined : inner));
}
