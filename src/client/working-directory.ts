/** The project that is meant when a request names none. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

function gitRoot(from: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    // A worktree and a submodule have a file of that name.
    if (existsSync(join(at, '.git'))) return at;
    if (dirname(at) === at) return undefined;
  }
}

/** `CLAUDE_DB_CWD`, then the enclosing git root of the current directory, then the current directory. Absolute. */
export function defaultWorkingDirectory(env: NodeJS.ProcessEnv = process.env, current: string = process.cwd()): string {
  if (env['CLAUDE_DB_CWD']) return resolve(current, env['CLAUDE_DB_CWD']);
  return gitRoot(current) ?? current;
}
