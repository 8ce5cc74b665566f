/** The way to restore without faber-db, printed into every manifest. */
import type { BackupRecord } from '../../../../contract/backup.js';
import type { DatabaseProperties } from '../../../database/postgresql/beside/properties.js';
import { databaseArgument } from '../../../database/postgresql/beside/connections.js';

const UNPACK: Record<BackupRecord['compression'], string> = { zstd: 'zstd -d -q -c', gzip: 'gzip -d -c', none: 'cat' };

/**
 * Shell commands that run as printed when PGHOST, PGPORT, PGUSER and PGPASSWORD are set. They restore beside the database, as
 * we do, and hold no secret.
 */
export function restoreCommands(record: Pick<BackupRecord, 'database' | 'file' | 'sha256' | 'compression'>, folder: string, like: DatabaseProperties): string[] {
  const restored = `${[...record.database].slice(0, 40).join('')}_restored`;
  const file = shell(`./${record.file}`);
  const locale = [`--encoding=${like.encoding}`, `--lc-collate=${shell(like.collate)}`, `--lc-ctype=${shell(like.ctype)}`];
  return [
    `cd -- ${shell(folder)}`,
    `echo ${shell(`${record.sha256}  ./${record.file}`)} | sha256sum --check --quiet`,
    `createdb --maintenance-db=postgres --template=template0 ${locale.join(' ')} -- ${shell(restored)}`,
    `${UNPACK[record.compression]} ${file} | pg_restore --exit-on-error --no-subscriptions ${shell(databaseArgument(restored))}`,
    `psql -X -q ${shell(databaseArgument(restored))} -c "SET client_min_messages = error" -c ANALYZE`,
  ];
}

function shell(word: string): string {
  return /^[\w./=-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}
