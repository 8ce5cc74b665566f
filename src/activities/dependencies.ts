/** What the activities are built from; worker.ts is the only place that puts it together. */
import type { VerifyToken } from '../handlers/approval/contract.js';
import type { BackupHandlers, OpenStore } from '../handlers/backup/contract.js';
import type { ConnectionTarget, DatabaseHandler, DatabaseHandlers } from '../handlers/database/contract.js';
import type { DriftHandlers } from '../handlers/drift/contract.js';
import type { SeedHandler } from '../handlers/seed/contract.js';
import type { MigrationHandler, MigrationHandlers } from '../handlers/migration/contract.js';
import type { Plugins, PostNotification } from '../handlers/integration/contract.js';
import { FaberError } from '../contract/failure.js';
import type { Settings } from '../contract/settings.js';

export interface Dependencies {
  databases: DatabaseHandlers;
  migrations: MigrationHandlers;
  backups: BackupHandlers;
  drift: DriftHandlers;
  openStore: OpenStore;
  /** The environment on whose server scripts are tried where a request names none. @throws FaberError invalid_request. */
  developmentEnvironment: (workingDirectory: string) => Promise<string>;
  /** Without an environment: the settings of the first one, for what all share (the store). */
  loadSettings: (workingDirectory: string, environment: string | undefined) => Promise<Settings>;
  /** Names of the environments in the config of a project. */
  configuredEnvironments: (workingDirectory: string) => Promise<string[]>;
  plugins: Plugins;
  postNotification: PostNotification;
  seeds: SeedHandler;
  verifyToken: VerifyToken;
  /** Refuses a path that FABER_DB_ROOTS does not allow. @throws FaberError config_invalid */
  requireAllowed: (path: string, what: string) => Promise<void>;
  /** The worker's environment variables: the only place where secrets come from. */
  env: NodeJS.ProcessEnv;
}

export interface Resources {
  target: ConnectionTarget;
  database: DatabaseHandler;
  migrations: MigrationHandler;
}

/**
 * Resolves the environment's URL on the worker. Changes need session state, so the direct URL wins over one that may
 * lead through a pooler. @throws FaberError connection_not_configured
 */
export async function openResources(deps: Dependencies, settings: Settings): Promise<Resources> {
  const database = deps.databases(settings.provider);
  const name = settings.direct_connection_string_env ?? settings.connection_string_env;
  const url = deps.env[name];
  if (url === undefined || url.trim() === '') {
    throw new FaberError({
      code: 'connection_not_configured',
      message: `The environment variable ${name} is not set on the worker`,
      suggestions: [`${name} is NOT SET on the worker; set it to the URL of ${settings.environment}'s database and restart the worker`],
    });
  }
  const migrations = deps.migrations(settings.migration_tool, database);
  const folder = database.urlsArePaths ? ((await migrations.databaseFolder?.(settings, deps.env)) ?? settings.working_directory) : undefined;
  return { target: targetOf(database, url.trim(), name, folder), database, migrations };
}

/** Which of the variables it is, only the caller of a handler knows; a person who must correct it needs the name. */
function targetOf(database: DatabaseHandler, url: string, variable: string, folder: string | undefined): ConnectionTarget {
  try {
    return database.target(url, folder);
  } catch (error) {
    if (!(error instanceof FaberError) || error.code !== 'connection_not_configured') throw error;
    const { message, suggestions } = error;
    throw new FaberError({ code: error.code, message: `${variable}: ${message}`, suggestions: [...suggestions, `Correct ${variable} where the worker runs, and start the worker again`] });
  }
}
