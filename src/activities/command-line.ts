/** The command line of a request, for messages: what is printed runs as printed. */
import type { Request } from '../contract/operation.js';
import { shellWord } from '../contract/shell-word.js';

/** @param more parameters to be added */
export function commandLine(request: Request, more: Record<string, string> = {}): string {
  const { environment, working_directory, dry_run: _, ...parameters } = request.parameters as { environment: string; working_directory: string; dry_run?: boolean } & Record<string, string | number | boolean>;
  const given: Record<string, string | number | boolean | undefined> = { ...parameters, ...more, working_directory };
  const options = Object.entries(given).flatMap(([name, value]) => {
    const flag = `--${name.replaceAll('_', '-')}`;
    if (value === undefined || value === false) return [];
    return value === true ? [flag] : [`${flag} ${shellWord(String(value))}`];
  });
  const command = request.operation === 'migrate-preview' ? 'preview' : request.operation;
  return ['faber-db', command, shellWord(environment), ...options].join(' ');
}
