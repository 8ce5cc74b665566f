/** Names of the environment variables that hold URLs of databases: what they hold is never kept, shown or compared. */
import { basename } from 'node:path';
import type { ProjectFile } from './files.js';

const NAME = '[A-Za-z_][A-Za-z0-9_]*';
const IN_CODE = new RegExp(`\\benv\\(\\s*['"](${NAME})['"]|process\\.env\\.(${NAME})|process\\.env\\[\\s*['"](${NAME})['"]`, 'g');
const IN_ENV_FILE = new RegExp(`^\\s*(?:export\\s+)?(${NAME})\\s*=\\s*["']?(?:postgres(?:ql)?|mysql|mariadb|sqlite|file):`, 'gm');
/** Code reads many variables; a URL of a database is called so. */
const SOUNDS_LIKE_URL = /URL|URI|DSN|CONNECTION/i;
/** Of databases that no migration runs on. */
const ASIDE = /SHADOW|TEMPORAL|REDIS|NOTIFY|WEBHOOK/i;
/** A route around a pooler, as `directUrl` of Prisma. */
const DIRECT = /DIRECT|UNPOOLED|NON_POOLING/i;

export interface FoundVariables {
  /** In the order in which they were found. */
  names: string[];
  direct: string[];
}

export function findVariables(files: readonly ProjectFile[]): FoundVariables {
  const found = new Set<string>();
  for (const { path, text } of files) {
    if (basename(path) === 'package.json') continue;
    const names = basename(path).startsWith('.env')
      ? [...text.matchAll(IN_ENV_FILE)].map((match) => match[1]!)
      : [...text.matchAll(IN_CODE)].map((match) => (match[1] ?? match[2] ?? match[3])!).filter((name) => SOUNDS_LIKE_URL.test(name));
    for (const name of names) if (!ASIDE.test(name)) found.add(name);
  }
  const all = [...found];
  return { names: all.filter((name) => !DIRECT.test(name)), direct: all.filter((name) => DIRECT.test(name)) };
}

const WORDS: [environment: RegExp, word: RegExp][] = [
  [/^prod/i, /(^|_)PROD(UCTION)?(_|$)/i],
  [/^stag/i, /(^|_)STAG(E|ING)(_|$)/i],
  [/^(dev|local)/i, /(^|_)(DEV(ELOPMENT)?|LOCAL)(_|$)/i],
  [/^(test|ci)$/i, /(^|_)(TEST|CI)(_|$)/i],
];

/** The variable among these that names the environment. */
export function variableNaming(environment: string, names: readonly string[]): string | undefined {
  const known = WORDS.find(([of]) => of.test(environment))?.[1];
  const word = known ?? new RegExp(`(^|_)${environment.replaceAll(/[^A-Za-z0-9]/g, '_')}(_|$)`, 'i');
  return names.find((name) => word.test(name));
}

/** The first variable that names no environment: the project's own, for development. */
export function plainVariable(names: readonly string[]): string | undefined {
  return names.find((name) => !WORDS.some(([, word]) => word.test(name)));
}

/** Where nothing was found: PROD_DATABASE_URL. */
export function conventionalVariable(environment: string): string {
  const name = environment.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
  return `${name === 'PRODUCTION' ? 'PROD' : /^\d/.test(name) ? `_${name}` : name}_DATABASE_URL`;
}
