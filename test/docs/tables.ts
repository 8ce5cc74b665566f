/** Tables of docs/operations.md, made from the schemas of the contract. */
import { z } from 'zod';
import { OperationParameters, type OperationName } from '../../src/contract/operation.js';
import { OPERATION_RESULTS } from '../../src/contract/results.js';

interface JsonSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

/** The parameters of an operation: name, type, whether it must be given, and what it means. */
export function parameterTable(operation: OperationName): string {
  const schema = z.toJSONSchema(OperationParameters[operation], { io: 'input' }) as JsonSchema;
  const rows = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const need = schema.required?.includes(name) ? 'required' : property.default === undefined ? 'optional' : `default \`${JSON.stringify(property.default)}\``;
    return [`\`${name}\``, typeOf(property), need, property.description ?? ''];
  });
  return table(['parameter', 'type', '', 'meaning'], rows);
}

/** The fields of `result`, of each shape that an operation answers with. */
export function resultTables(operation: OperationName): string {
  return OPERATION_RESULTS[operation].map(resultTable).join('\n\nor\n\n');
}

function resultTable(shape: z.ZodType): string {
  const schema = z.toJSONSchema(shape, { io: 'output' }) as JsonSchema;
  const rows = Object.entries(schema.properties ?? {}).map(([name, property]) => [
    `\`${name}\``, `${typeOf(property)}${schema.required?.includes(name) ? '' : ', may be absent'}`, property.description ?? '',
  ]);
  return table(['field of `result`', 'type', 'meaning'], rows);
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(' or ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map(typeOf))].join(' or ');
  if (schema.type === 'array') return schema.items?.properties ? 'list of objects' : `list of ${schema.items ? typeOf(schema.items) : 'anything'}`;
  return Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'anything');
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
