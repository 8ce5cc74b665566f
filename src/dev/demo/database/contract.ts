/** The database that the demo runs on. */
import type { Evidence } from './evidence.js';

export interface DemoDatabase {
  /** As people call it, with its version. */
  name: string;
  /** Where it is, for people. */
  place: string;
  /** Holds the password, of a throwaway database. */
  url: string;
  /** Which of the examples is its project. */
  example: string;
  /** More variables of the worker. */
  env: Record<string, string>;
  /** How its schema was compared. */
  schemaIsComparedBy: string;
  gather(): Promise<Evidence>;
  /** Leaves it running. @returns the shell commands that end it, and its folders */
  leave(): { end: string[]; folders: string[] };
}
