/** Which object a statement of a dump is about, and how it would be taken away. */
import type { AlterTableCmd, Node } from 'libpg-query';
import { names } from '../../migration/script/postgresql/tree.js';
import { dotted, quoted, relation, signature, typeText } from './names.js';

export interface Identified {
  /** Kind and name; equal on both sides for the same object. */
  object: string;
  /** The table (as `object` of it) that it comes and goes with; null: it stands for itself. */
  of: string | null;
  /** A statement that takes it away, where there is one. */
  drop: string | null;
  /** How a changed one is put in the place of the other. */
  change: 'replace' | 'drop and create' | 'run' | null;
}

const table = (name: string) => `table ${name}`;

/** Null for a kind of statement that is not known here: it is compared as a whole. */
export function identify(node: Node): Identified | null {
  if ('AlterTableStmt' in node) return ofAlterTable(relation(node.AlterTableStmt.relation), node.AlterTableStmt.cmds ?? []);
  return relationObject(node) ?? tableObject(node) ?? plainObject(node) ?? definedObject(node);
}

function relationObject(node: Node): Identified | null {
  if ('CreateStmt' in node) return own('table', relation(node.CreateStmt.relation));
  if ('CreateForeignTableStmt' in node) return own('foreign table', relation(node.CreateForeignTableStmt.base?.relation));
  if ('ViewStmt' in node) return { ...own('view', relation(node.ViewStmt.view)), change: 'replace' };
  if ('CreateTableAsStmt' in node) return { ...own('materialized view', relation(node.CreateTableAsStmt.into?.rel)), change: 'drop and create' };
  if ('CreateSeqStmt' in node) return own('sequence', relation(node.CreateSeqStmt.sequence));
  if ('AlterSeqStmt' in node) {
    const sequence = relation(node.AlterSeqStmt.sequence);
    return { object: `owner of sequence ${sequence}`, of: null, drop: `ALTER SEQUENCE ${sequence} OWNED BY NONE`, change: 'run' };
  }
  return null;
}

/** Indexes, triggers, policies and rules: they have their table's life. */
function tableObject(node: Node): Identified | null {
  if ('IndexStmt' in node) {
    const index = dotted([node.IndexStmt.relation?.schemaname, node.IndexStmt.idxname].filter((part): part is string => part !== undefined));
    return { object: `index ${index}`, of: table(relation(node.IndexStmt.relation)), drop: `DROP INDEX ${index}`, change: 'drop and create' };
  }
  const [kind, name, on] =
    'CreateTrigStmt' in node ? ['trigger', node.CreateTrigStmt.trigname, node.CreateTrigStmt.relation]
    : 'CreatePolicyStmt' in node ? ['policy', node.CreatePolicyStmt.policy_name, node.CreatePolicyStmt.table]
    : 'RuleStmt' in node ? ['rule', node.RuleStmt.rulename, node.RuleStmt.relation]
    : [];
  if (kind === undefined) return null;
  const what = `${quoted(name ?? '')} ON ${relation(on)}`;
  return { object: `${kind} ${quoted(name ?? '')} on ${relation(on)}`, of: table(relation(on)), drop: `DROP ${kind.toUpperCase()} ${what}`, change: 'drop and create' };
}

function plainObject(node: Node): Identified | null {
  if ('CreateFunctionStmt' in node) {
    const { funcname, parameters, is_procedure: procedure } = node.CreateFunctionStmt;
    return { ...own(procedure ? 'procedure' : 'function', dotted(names(funcname)) + signature(parameters)), change: 'replace' };
  }
  if ('CreateEnumStmt' in node) return own('type', dotted(names(node.CreateEnumStmt.typeName)));
  if ('CreateRangeStmt' in node) return own('type', dotted(names(node.CreateRangeStmt.typeName)));
  if ('CompositeTypeStmt' in node) return own('type', relation(node.CompositeTypeStmt.typevar));
  if ('CreateDomainStmt' in node) return own('domain', dotted(names(node.CreateDomainStmt.domainname)));
  if ('CreateExtensionStmt' in node) return own('extension', quoted(node.CreateExtensionStmt.extname ?? ''));
  if ('CreateSchemaStmt' in node) return own('schema', quoted(node.CreateSchemaStmt.schemaname ?? ''));
  if ('CreateStatsStmt' in node) return { ...own('statistics', dotted(names(node.CreateStatsStmt.defnames))), change: 'drop and create' };
  if ('CreateEventTrigStmt' in node) return { ...own('event trigger', quoted(node.CreateEventTrigStmt.trigname ?? '')), change: 'drop and create' };
  if ('CreateForeignServerStmt' in node) return own('server', quoted(node.CreateForeignServerStmt.servername ?? ''));
  return null;
}

/** Aggregates, operators, collations, parts of text search … */
function definedObject(node: Node): Identified | null {
  if (!('DefineStmt' in node)) return null;
  const { kind = '', defnames, args, definition } = node.DefineStmt;
  const word = kind.replace('OBJECT_', '').replace(/^TS/, 'TEXT_SEARCH_').replaceAll('_', ' ').toLowerCase();
  const [parameters] = args ?? [];
  if (kind === 'OBJECT_AGGREGATE') {
    return own('aggregate', dotted(names(defnames)) + signature(parameters && 'List' in parameters ? parameters.List.items : []));
  }
  // Operators of one name differ by the types on their sides.
  const sides = kind === 'OBJECT_OPERATOR' ? ` (${sideTypes(definition).join(', ')})` : '';
  return { object: `${word} ${names(defnames).join('.')}${sides}`, of: null, drop: null, change: null };
}

function sideTypes(definition: readonly Node[] | undefined): string[] {
  return (definition ?? []).flatMap((item) =>
    'DefElem' in item && item.DefElem.defname?.endsWith('arg') && item.DefElem.arg && 'TypeName' in item.DefElem.arg ? [`${item.DefElem.defname} ${typeText(item.DefElem.arg.TypeName)}`] : [],
  );
}

function own(kind: string, name: string): Identified {
  return { object: `${kind} ${name}`, of: null, drop: `DROP ${kind.toUpperCase()} ${name}`, change: null };
}

/** pg_dump writes one command a statement. */
function ofAlterTable(on: string, commands: readonly Node[]): Identified | null {
  const [first] = commands;
  if (commands.length !== 1 || first === undefined || !('AlterTableCmd' in first)) return null;
  const command = first.AlterTableCmd;
  const of = table(on);
  const alter = `ALTER TABLE ${on}`;
  const column = quoted(command.name ?? '');
  switch (command.subtype) {
    case 'AT_AddConstraint': {
      const name = quoted((command.def && 'Constraint' in command.def ? command.def.Constraint.conname : undefined) ?? '');
      return { object: `constraint ${name} on ${on}`, of, drop: `${alter} DROP CONSTRAINT ${name}`, change: 'drop and create' };
    }
    case 'AT_ColumnDefault':
      return { object: `default of ${on}.${column}`, of, drop: `${alter} ALTER COLUMN ${column} DROP DEFAULT`, change: 'run' };
    case 'AT_AddIdentity':
      return { object: `identity of ${on}.${column}`, of, drop: `${alter} ALTER COLUMN ${column} DROP IDENTITY`, change: null };
    case 'AT_EnableRowSecurity':
      return { object: `row level security of ${on}`, of, drop: `${alter} DISABLE ROW LEVEL SECURITY`, change: null };
    case 'AT_ForceRowSecurity':
      return { object: `forced row level security of ${on}`, of, drop: `${alter} NO FORCE ROW LEVEL SECURITY`, change: null };
    case 'AT_DisableTrig': case 'AT_EnableAlwaysTrig': case 'AT_EnableReplicaTrig': case 'AT_EnableTrig':
      return { object: `state of trigger ${column} on ${on}`, of, drop: `${alter} ENABLE TRIGGER ${column}`, change: 'run' };
    case 'AT_AttachPartition':
      return ofPartition(on, command);
    default:
      return { object: `${String(command.subtype).replace(/^AT_/, '').replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()} of ${on}${command.name ? `.${column}` : ''}`, of, drop: null, change: 'run' };
  }
}

function ofPartition(parent: string, command: AlterTableCmd): Identified {
  const child = relation(command.def && 'PartitionCmd' in command.def ? command.def.PartitionCmd.name : undefined);
  return { object: `partition ${child} of ${parent}`, of: table(child), drop: `ALTER TABLE ${parent} DETACH PARTITION ${child}`, change: 'drop and create' };
}
