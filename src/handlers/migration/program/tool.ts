/** What the worker knows of a tool whose migrations are programs; its API is known by the adapter that runs beside the project. */
import type { MigrationTool, Settings } from '../../../contract/settings.js';
import type { ConnectionTarget } from '../../database/contract.js';
import type { GeneratedMigration, GenerateRequest } from '../contract.js';
import type { Programs } from './session.js';
import type { LedgerShape } from './system.js';

export interface ProgramToolFacts {
  name: MigrationTool;
  /** As people write it. */
  title: string;
  ledger: LedgerShape;
  /** The tool's own tables beside the ledger, with the serial column of each. */
  tables(ledger: string): { table: string; key: string | null }[];
  /** Table with a row that says that a runner is at work; null: the tool has no lock. */
  lockTable: ((ledger: string) => string) | null;
  /** How it runs the project's seeds; null: it has none. */
  seedCommand: ((configFile: string, part: string | null) => string) | null;
  generate(programs: Programs, target: ConnectionTarget, settings: Settings, request: GenerateRequest): Promise<GeneratedMigration>;
}
