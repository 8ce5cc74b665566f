/** The tool's own connection as a session of ours, while it waits for us. */
import type { Session } from '../../database/contract.js';
import { Refused, type Guest } from './process.js';
import type { ProgramSystem } from './system.js';

export function guestSession(guest: Guest, system: ProgramSystem): Session {
  const query = async <Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> => {
    try {
      return (await guest.query(sql, parameters)) as Row[];
    } catch (error) {
      throw error instanceof Refused ? await system.failure(error.failure, sql) : error;
    }
  };
  return {
    id: 0,
    query,
    queryTyped: () => Promise.reject(new TypeError('a guest session answers with objects')),
    script: async (sql) => void (await query(sql)),
    close: () => Promise.resolve(),
  };
}
