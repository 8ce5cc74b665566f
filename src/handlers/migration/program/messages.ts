/** What a worker and the process that runs a project's migrations say to each other, over the channel that Node gives a child. */
import type { MigrationTool, Provider } from '../../../contract/settings.js';
import type { ProgramFile } from '../contract.js';

/** Where the project is. Nothing of this is a secret: the URL stands in the environment of the process. */
export interface Place {
  /** Absolute, as all paths here. */
  directory: string;
  environment: string;
  /** null: where the tool finds it. */
  configFile: string | null;
  /** Names of the ledger and of its schema, for a project whose config leaves them open. */
  table: string;
  schema: string;
}

/** One migration, in one direction. */
export interface ProgramStep {
  name: string;
  file: string;
  direction: 'up' | 'down';
  /** The tool writes its ledger and runs nothing. */
  recordOnly: boolean;
}

/** Steps that share a transaction of the tool, or one step outside of any. */
export interface StepGroup { transactional: boolean; steps: ProgramStep[] }

export type Job =
  /** Reads config and migrations; connects to nothing. */
  | { kind: 'describe' }
  | {
      kind: 'run';
      groups: StepGroup[];
      /** Compared before anything is loaded. */
      files: ProgramFile[];
      /** A scratch database: what reaches outside of it is left out. */
      scratch: boolean;
    }
  /** Takes back the flag that a killed runner left. */
  | { kind: 'unlock' }
  /** Writes a new migration by the tool's own template. `folder` gets it, not the project. */
  | { kind: 'make'; name: string; folder: string }
  /** The change between database and entities. */
  | { kind: 'difference' };

export interface Begin {
  kind: 'begin';
  tool: MigrationTool;
  provider: Provider;
  place: Place;
  job: Job;
  /** As its sessions are called in the server's list. */
  sessionName: string;
}

export type ToProgram =
  | Begin
  /** In the connection of the moment that was told. */
  | { kind: 'query'; id: number; sql: string; parameters: unknown[] }
  | { kind: 'proceed' }
  | { kind: 'abandon' };

/** connected: the tool reaches a database, and nothing was sent; before, after: around a group. */
export type Moment = 'connected' | 'before' | 'after';

/** An error of the driver, its fields as the server sent them. They hold values of rows. */
export interface DriverFailure { message: string; fields: Record<string, string> }

export interface Thrown {
  /** Kind of what was thrown: the name of an error's class, else its type. */
  name: string;
  /** May hold anything. */
  message: string;
  stack: string;
  /** 1-based, in the migration's own file. */
  line: number | null;
  driver: DriverFailure | null;
}

export interface Described {
  /** Name and version, for example `knex 3.3.0`. */
  tool: string;
  /** Absolute. */
  configFiles: string[];
  ledger: { table: string; schema: string | null };
  migrations: { name: string; file: string; transactional: boolean; hasDown: boolean }[];
  /** Which part of a config for several environments is used; null: it is for all. */
  part: string | null;
  /** Folders that hold seeds, absolute; null: the project has none. */
  seeds: string[] | null;
  warnings: string[];
}

export interface MadeScripts { up: { query: string; parameters: unknown[] }[]; down: { query: string; parameters: unknown[] }[] }

export type FromProgram =
  | { kind: 'at'; moment: Moment; group: number; connection: number }
  | { kind: 'rows'; id: number; rows: Record<string, unknown>[] }
  | { kind: 'refused'; id: number; failure: DriverFailure }
  /** A statement of a migration is sent; `connection` tells connections apart. */
  | { kind: 'statement'; at: number; connection: number; group: number; step: number; sql: string }
  | { kind: 'statement-end'; at: number; failed: boolean }
  | { kind: 'left-out'; step: string; what: string }
  | { kind: 'described'; project: Described }
  | { kind: 'made'; file: string }
  | { kind: 'difference'; scripts: MadeScripts }
  | { kind: 'done' }
  | { kind: 'changed'; path: string }
  /** The project cannot be used as it is: words of ours, with what to do. */
  | { kind: 'unusable'; message: string; suggestions: string[] }
  | { kind: 'failed'; thrown: Thrown };
