/** What the parts of an ALTER TABLE do to data and locks. */
import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint, TypeName } from 'libpg-query';
import { caution, destroys, destroysAs, note, opaque, type Effect, type Fresh } from '../effect.js';
import { names, objectsIn, relationName } from './tree.js';

/** Tables that the same script created are left out: they are empty or hold only what the script wrote. */
export function alterTableEffects(statement: AlterTableStmt, fresh: Fresh): Effect[] {
  const table = relationName(statement.relation);
  if (fresh.has(table)) return [];
  return (statement.cmds ?? []).flatMap((node) => ('AlterTableCmd' in node ? commandEffects(node.AlterTableCmd, table) : []));
}

function commandEffects(command: AlterTableCmd, table: string): Effect[] {
  const column = `${table}.${command.name ?? ''}`;
  const def = command.def;
  switch (command.subtype) {
    case 'AT_DropColumn':
      return [destroysAs('drop_column', `DROP COLUMN ${column} destroys its data`)];
    case 'AT_AddColumn':
      return def && 'ColumnDef' in def ? addColumnEffects(def.ColumnDef, table) : [];
    case 'AT_AlterColumnType':
      return def && 'ColumnDef' in def ? typeEffects(def.ColumnDef, column) : [];
    case 'AT_SetNotNull':
      return [caution(`SET NOT NULL on ${column} reads the whole table under an exclusive lock, and fails where a row has NULL`)];
    case 'AT_AddConstraint':
      return def && 'Constraint' in def ? constraintEffects(def.Constraint, table) : [];
    case 'AT_ValidateConstraint':
      return [note(`VALIDATE CONSTRAINT reads the whole of ${table}, while others may write`)];
    case 'AT_SetTableSpace':
    case 'AT_SetLogged':
    case 'AT_SetUnLogged':
    case 'AT_SetAccessMethod':
      return [rewrite(table, 'this change of storage')];
    case 'AT_DetachPartition':
      return [caution(`DETACH PARTITION takes the rows of the partition out of ${table}`, 'medium')];
    case 'AT_AttachPartition':
      return [caution(`ATTACH PARTITION reads the whole partition under a lock, unless a CHECK proves its bounds`, 'medium')];
    case 'AT_DropExpression':
    case 'AT_SetExpression':
      return [rewrite(table, 'a changed generated column')];
    case 'AT_DropConstraint':
      return command.behavior === 'DROP_CASCADE' ? [caution(`DROP CONSTRAINT … CASCADE on ${table} drops what depends on it`, 'medium')] : [];
    default:
      return [];
  }
}

const rewrite = (table: string, why: string) => caution(`${why} rewrites ${table} under an exclusive lock`);

const constraintsOf = (column: ColumnDef): Constraint[] =>
  (column.constraints ?? []).flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));

function addColumnEffects(column: ColumnDef, table: string): Effect[] {
  const name = `${table}.${column.colname ?? ''}`;
  const constraints = constraintsOf(column);
  const has = (type: Constraint['contype']) => constraints.some((constraint) => constraint.contype === type);
  const serial = /^(small|big)?serial[248]?$/.test(names(column.typeName?.names).at(-1) ?? '');
  const filled = serial || has('CONSTR_DEFAULT') || has('CONSTR_IDENTITY') || has('CONSTR_GENERATED');
  const effects: Effect[] = [];
  if ((has('CONSTR_NOTNULL') || has('CONSTR_PRIMARY')) && !filled) {
    effects.push({ ...caution(`ADD COLUMN ${name} NOT NULL without a default fails when ${table} has rows`), level: 'danger' });
  }
  if (serial || has('CONSTR_IDENTITY') || has('CONSTR_GENERATED') || constraints.some(volatileDefault)) {
    effects.push(rewrite(table, `ADD COLUMN ${name} with a value computed for each row`));
  }
  if (has('CONSTR_UNIQUE') || has('CONSTR_PRIMARY')) effects.push(caution(`ADD COLUMN ${name} UNIQUE builds an index while ${table} is locked`));
  return effects;
}

/** Functions that give one value for the whole statement, so that the default is kept in the catalog. */
const STABLE = new Set(['now', 'transaction_timestamp', 'statement_timestamp', 'current_setting', 'current_database']);

function volatileDefault(constraint: Constraint): boolean {
  if (constraint.contype !== 'CONSTR_DEFAULT') return false;
  for (const object of objectsIn(constraint.raw_expr)) {
    const called = (object.FuncCall as { funcname?: Parameters<typeof names>[0] } | undefined)?.funcname;
    if (called && !STABLE.has(names(called).at(-1) ?? '')) return true;
  }
  return false;
}

/** The old type is not in the script; only text without a length takes every value of every type. */
function typeEffects(column: ColumnDef, name: string): Effect[] {
  if (column.raw_default) return [destroys(`TYPE … USING computes ${name} anew; the old values are gone`, 'high')];
  if (unlimitedText(column.typeName)) return [opaque(`TYPE text of ${name} may rewrite the table under an exclusive lock`)];
  return [destroys(`Changing the type of ${name} may narrow or refuse its values, and may rewrite the table under an exclusive lock`, 'high')];
}

function unlimitedText(type: TypeName | undefined): boolean {
  return ['text', 'varchar'].includes(names(type?.names).at(-1) ?? '') && !type?.typmods?.length && !type?.arrayBounds?.length;
}

function constraintEffects(constraint: Constraint, table: string): Effect[] {
  const name = constraint.conname ?? '';
  switch (constraint.contype) {
    case 'CONSTR_FOREIGN':
    case 'CONSTR_CHECK':
    case 'CONSTR_NOTNULL':
      return constraint.skip_validation ? [] : [caution(`Constraint ${name} reads the whole of ${table} while writers wait; NOT VALID and VALIDATE would not`, 'medium')];
    case 'CONSTR_PRIMARY':
    case 'CONSTR_UNIQUE':
    case 'CONSTR_EXCLUSION':
      return constraint.indexname ? [] : [caution(`Constraint ${name} builds an index while ${table} is locked`)];
    default:
      return [];
  }
}
