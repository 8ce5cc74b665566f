/** The driver of a database system, tapped: its sessions get our name, and what migrations send is told. */
import type { Provider } from '../../../../contract/settings.js';
import { tapPostgres } from './tap-postgresql.js';
import { Unusable } from './contract.js';

export interface TapOptions {
  sessionName: string;
  /** The first connection is open, and nothing was sent in it: no tool sends anything before this has returned. */
  onFirstConnection: (connection: unknown) => Promise<void>;
  /** Whether a migration runs, and what it sends is to be told. */
  isInside: () => boolean;
  onStatement: (statement: { connection: number; sql: string }) => number;
  onEnd: (at: number, failed: boolean) => void;
  /** What of a statement reaches outside of the database, in words; such a one is left out. null: none is. */
  outside: ((sql: string) => string | null) | null;
  onLeftOut: (what: string) => void;
  /** Whether it would end the transaction that the migration runs in: such a one is not sent, and the transaction fails. */
  endsTransaction: (connection: number, sql: string) => boolean;
}

export interface Tap {
  /** Tells connections apart. */
  numberOf(connection: unknown): number;
  /** A statement of ours, which is not told. */
  query(connection: unknown, sql: string, parameters: readonly unknown[]): Promise<Record<string, unknown>[]>;
}

const TAPS: Partial<Record<Provider, (require: NodeJS.Require, options: TapOptions) => Tap>> = { postgresql: tapPostgres };

/** @param require the tool's own: the driver is the one that it finds. */
export function tapDriver(provider: Provider, require: NodeJS.Require, options: TapOptions): Tap {
  const tap = TAPS[provider];
  if (!tap) throw new Unusable(`Migrations that are programs are not run on ${provider} by this release.`);
  return tap(require, options);
}
