import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Approves by itself. */
  yes: boolean;
  /** Answers as JSON lines on stdout, all else on stderr. */
  json: boolean;
  /** Leaves servers, worker and files for looking around. */
  keep: boolean;
}

export const USAGE = `npm run demo -- [--yes] [--json] [--keep]

  --yes   approve both plans without asking
  --json  print the two JSON answers, one a line, and nothing else (with npm run -s)
  --keep  leave everything running afterwards and say how to end it`;

/** @throws Error for an unknown option, and where nobody could approve. */
export function demoOptions(args: string[], terminal: boolean): DemoOptions {
  const { values } = parseArgs({
    args,
    options: { yes: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } },
  });
  if (!values.yes && !terminal) {
    throw new Error('The demo waits for a person to approve, and stdin is no terminal. Run it in one, or approve in advance: npm run demo -- --yes');
  }
  return values;
}
