/** What a worker and the process of the engine say to each other, over the channel that Node gives a forked child. */

/** A file of the datamodel; `path` is for the engine's messages. */
export interface SchemaFile { path: string; content: string }

/** Two states of the schema: what the database holds, and what the datamodel says. */
export type SchemaState = 'database' | 'datamodel';

/** Systems that the engine knows, as it calls them. */
export type EngineProvider = 'postgres' | 'sqlite';

/** From the worker. Nothing of this is a secret: the engine reaches the database only through the worker's session. */
export type ToEngine =
  | { kind: 'diff'; from: SchemaState; to: SchemaState; files: SchemaFile[]; schema: string; provider: EngineProvider }
  | { kind: 'rows'; id: number; columns: { name: string; type: number }[]; rows: unknown[][] }
  | { kind: 'refused'; id: number; sqlState: string | null; message: string };

/** From the engine. `script` is empty when the two states are the same. */
export type FromEngine =
  | { kind: 'query'; id: number; sql: string; parameters: unknown[] }
  | { kind: 'script'; script: string }
  | { kind: 'failed'; code: string | null; message: string };
