import { readFileSync } from 'node:fs';

export interface Account { name: string; uid: number; gid: number }

/**
 * PostgreSQL refuses to run as root. As root this is the account to run it as (`postgres`, else `nobody`); as anybody
 * else null: run it as yourself.
 * @throws Error when root has neither account.
 */
export function unprivilegedAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const entry = accounts.find((fields) => fields[0] === name);
    if (entry) return { name, uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody. Run this as an ordinary user.');
}
