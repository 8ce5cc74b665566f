/** The port to a migration tool inside the process that runs it. An implementation knows the tool's API and nothing of the worker. */
import type { Described, MadeScripts, Place, ProgramStep } from '../messages.js';

/** The project's own copy of a tool, with its config read. */
export interface ToolProject {
  /** The tool's own require: the driver is the one that it finds. */
  require: NodeJS.Require;
  describe(): Promise<Described>;
  /** @param programs the functions to run, by the names of their migrations */
  connect(programs: Programs): Promise<ConnectedTool>;
  /** Writes a new migration by the tool's template into a folder. @returns its file */
  make?(name: string, folder: string): Promise<string>;
}

export type Run = (step: ProgramStep, work: () => unknown) => Promise<unknown>;

/** @param run wraps the migration's own function, so that its statements are told from the tool's */
export interface Programs {
  load(step: ProgramStep): Promise<Record<string, unknown>>;
  run: Run;
}

export interface ConnectedTool {
  /** Lends a connection of the tool's, as the driver has it. */
  withConnection(work: (connection: unknown) => Promise<void>): Promise<void>;
  /** One transaction of the tool. @param work gets its connection */
  inTransaction(work: (connection: unknown, steps: ToolSteps) => Promise<void>): Promise<void>;
  outside: ToolSteps;
  unlock?(): Promise<void>;
  difference?(): Promise<MadeScripts>;
  close(): Promise<void>;
}

export interface ToolSteps {
  /** Makes the ledger where it is missing. */
  ensureLedger(): Promise<void>;
  /** Runs one migration, and has the tool write its ledger. */
  step(step: ProgramStep): Promise<void>;
}

export interface ProgramTool {
  open(place: Place): Promise<ToolProject>;
}

/** Thrown for a project that cannot be used as it is, with what to do. */
export class Unusable extends Error {
  override readonly name = 'Unusable';
  constructor(message: string, readonly suggestions: string[] = []) {
    super(message);
  }
}
