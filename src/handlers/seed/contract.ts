/** The port to a project's seed: a program of the project's own that writes to the database in ways that nobody here understands. */
import type { Settings } from '../../contract/settings.js';

/** A command as the project or the config has it. Split at spaces, as Prisma does it: no shell reads it. */
export interface SeedCommand {
  command: string;
  /** Where it stands, for messages: `prisma.config.ts`, `seed.command`. */
  source: string;
}

/** A file that the command names, relative to the working directory. */
export interface SeedFile { path: string; sha256: string }

export interface SeedRun {
  command: string;
  /** The whole environment of the program: it holds the URL of the database. */
  env: Readonly<Record<string, string>>;
  /** Credentials that it was given: masked wherever it prints them. */
  secrets: readonly string[];
  signal: AbortSignal;
  /** Instead of the seed's own. */
  limit?: { seconds: number; key: string };
}

export interface SeedEnd {
  succeeded: boolean;
  /** Why it did not succeed: its exit code, its time was over, it could not be started. */
  reason: string | null;
  /** The last of what it printed, bounded and masked. */
  tail: string;
  /** The last of what it printed, values of rows included: for a file of mode 0600 and nothing else. */
  output: string;
}

export interface SeedHandler {
  /** Files of the project that the words of the command name. @throws FaberError plan_failed for a command without a word */
  files(command: string, settings: Settings): Promise<SeedFile[]>;
  /** Runs it in the working directory to its end, or ends it with its whole process group. @throws the reason of the signal when aborted */
  run(run: SeedRun, settings: Settings): Promise<SeedEnd>;
}
