/** What the project's programs see of the worker: the one database, and the variables that the config names. */
import type { Settings } from '../../../contract/settings.js';
import type { ConnectionTarget } from '../../database/contract.js';

const HANDED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ', 'NODE_ENV'];
/** Shorter values match by chance: masked, they would make what is said unreadable and hide nothing. */
const SECRET_FROM = 6;
/** For reading a project, which connects to nothing. */
const NOWHERE: Record<Settings['provider'], string> = {
  postgresql: 'postgresql://nobody:nothing@127.0.0.1:1/nowhere', mysql: 'mysql://nobody:nothing@127.0.0.1:1/nowhere', sqlite: 'file:nowhere.sqlite',
};

export interface ProgramEnvironment { env: Record<string, string>; secrets: string[] }

/** @param target null: it gets a URL that leads nowhere */
export function programEnvironment(settings: Settings, target: ConnectionTarget | null, sessionName: string, variables: NodeJS.ProcessEnv = process.env): ProgramEnvironment {
  const { connection_string_env, direct_connection_string_env, migrations, provider } = settings;
  const own = (migrations.variables ?? []).filter((name) => variables[name] !== undefined);
  const handed = [...HANDED_ON, ...own].filter((name) => variables[name] !== undefined);
  const url = target?.secretUrl(sessionName) ?? NOWHERE[provider];
  const named = [connection_string_env, direct_connection_string_env, migrations.url_variable, 'DATABASE_URL'].filter((name) => typeof name === 'string');
  return {
    env: { ...Object.fromEntries(handed.map((name) => [name, variables[name]!])), ...Object.fromEntries(named.map((name) => [name, url])), PGAPPNAME: sessionName },
    secrets: [url, ...(target?.secrets ?? []), ...own.map((name) => variables[name]!).filter((value) => value.length >= SECRET_FROM)],
  };
}
