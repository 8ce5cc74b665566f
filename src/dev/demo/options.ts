import { parseArgs } from 'node:util';

/** What the demo can run on. */
export const DEMO_DATABASES = ['postgresql', 'mysql', 'sqlite'] as const;
export type DemoDatabaseName = (typeof DEMO_DATABASES)[number];

export interface DemoOptions {
  /** Approves by itself. */
  yes: boolean;
  /** Answers as JSON lines on stdout, all else on stderr. */
  json: boolean;
  /** Leaves servers, worker and files for looking around. */
  keep: boolean;
  /** Null: PostgreSQL where there is one. */
  database: DemoDatabaseName | null;
}

export const USAGE = `npm run demo -- [--database ${DEMO_DATABASES.join('|')}] [--yes] [--json] [--keep]

  --database  what it runs on; without it PostgreSQL, and SQLite where there is none
  --yes       approve both plans without asking
  --json      print the two JSON answers, one a line, and nothing else (with npm run -s)
  --keep      leave everything running afterwards and say how to end it`;

/** @throws Error for an unknown option, and where nobody could approve. */
export function demoOptions(args: string[], terminal: boolean): DemoOptions {
  const { values } = parseArgs({
    args,
    options: {
      yes: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false },
      database: { type: 'string' },
    },
  });
  const database = DEMO_DATABASES.find((name) => name === values.database) ?? null;
  if (values.database !== undefined && database === null) throw new Error(`The demo does not run on '${values.database}'. It runs on: ${DEMO_DATABASES.join(', ')}`);
  if (!values.yes && !terminal) {
    throw new Error('The demo waits for a person to approve, and stdin is no terminal. Run it in one, or approve in advance: npm run demo -- --yes');
  }
  return { yes: values.yes, json: values.json, keep: values.keep, database };
}
