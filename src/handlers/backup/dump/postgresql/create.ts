/** Takes a backup: a dump and the row counts of one and the same snapshot. */
import type { BackupRecord } from '../../../../contract/backup.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import { PROPERTIES_FILE } from '../../../database/postgresql/beside/properties.js';
import type { BackupOptions, Store } from '../../contract.js';
import { createDump } from '../create.js';
import { findPrograms } from './programs.js';
import { restoreCommands } from './restore-commands.js';
import { dumpInSnapshot } from './snapshot.js';
import { STRUCTURE_FILE, structureFile } from './structure.js';

/** @throws FaberError backup_failed with `result.backup_error`; nothing is left behind then. */
export async function createBackup(database: DatabaseHandler, target: ConnectionTarget, store: Store, options: BackupOptions): Promise<BackupRecord> {
  return createDump(database, target, store, options, 'dump.pgc', async (write, identity) => {
    const programs = await findPrograms(identity.serverMajor);
    const dumped = await dumpInSnapshot(database, target, programs, options, write);
    const structure = structureFile(dumped.structure);
    return {
      format: 'pg_dump-custom',
      tables: dumped.tables,
      snapshot: dumped.snapshot,
      more: {
        extensions: dumped.extensions.map(({ name }) => name).sort(),
        extension_versions: dumped.extensions,
        structure_sha256: structure.sha256,
      },
      beside: { [PROPERTIES_FILE]: `${JSON.stringify(dumped.properties, null, 2)}\n`, [STRUCTURE_FILE]: structure.text },
      restoreCommands: (dump) => restoreCommands(identity.database, dump, dumped.properties),
    };
  });
}
