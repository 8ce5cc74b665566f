/** What all parts of backups by snapshot work with: the servers at the host, which one it is, and its database. */
import type { ConnectionTarget, DatabaseHandler } from '../../database/contract.js';
import type { SnapshotDatabase } from './database.js';
import { awsFailure, passes, type Asked } from './errors.js';
import type { HostedServer, HostedServers } from './hosted.js';
import type { Pace } from './poll.js';

export interface SnapshotContext<Server extends HostedServer = HostedServer> {
  servers: HostedServers<Server>;
  /** Finds out which server it is: its identifier may follow from another one. */
  id: () => Promise<string>;
  database: DatabaseHandler;
  access: SnapshotDatabase;
  pace: Pace;
}

export type Action = keyof HostedServers['actions'];

/** Runs one request, its failure put into words. */
export async function ask<T>(context: SnapshotContext, action: Action, about: Omit<Asked, 'action'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw awsFailure(error, { ...about, action: context.servers.actions[action] });
  }
}

/** The same within `poll`, which asks again after what passes. */
export async function askOnce<T>(context: SnapshotContext, action: Action, about: Omit<Asked, 'action'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw passes(error) ? error : awsFailure(error, { ...about, action: context.servers.actions[action] });
  }
}

/** The target on one server, by its own address. */
export function on({ access }: SnapshotContext, target: ConnectionTarget, server: HostedServer): ConnectionTarget | null {
  return server.endpoint === null ? null : access.at(target, server.endpoint);
}
