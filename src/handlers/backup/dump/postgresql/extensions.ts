/**
 * Versions of extensions. A dump says only `CREATE EXTENSION`, which makes the server's default version: an extension that was
 * never updated would come back as another, and the restored schema would not be the one that was dumped. So where a version is
 * not the default, extensions are created before pg_restore, which leaves those that are there alone.
 */
import pg from 'pg';
import type { BackupRecord, ExtensionVersion } from '../../../../contract/backup.js';
import type { Session } from '../../../database/contract.js';
import { inOwnTransaction } from '../../../database/postgresql/beside/own-work.js';

const name = pg.escapeIdentifier;

/** In the order in which they were created: one that needs another comes after it. */
export function readExtensions(session: Session): Promise<ExtensionVersion[]> {
  return session.query<ExtensionVersion>(`
    SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema, pg_catalog.pg_get_userbyid(n.nspowner) AS schema_owner
      FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' ORDER BY e.oid`);
}

interface Offered extends ExtensionVersion {
  default_version: string;
  available: boolean;
}

/** What the server would make of each; one that it does not have at all is an obstacle of its own (obstacles.ts). */
async function offered(session: Session, record: BackupRecord): Promise<Offered[]> {
  const wanted = record.extension_versions ?? [];
  if (wanted.length === 0) return [];
  const column = (key: keyof ExtensionVersion) => wanted.map((extension) => extension[key]);
  return session.query<Offered>(
    `SELECT w.name, w.version, w.schema, w.schema_owner, a.default_version,
            EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions v WHERE v.name = w.name AND v.version = w.version) AS available
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS w(name, version, schema, schema_owner, nth)
       JOIN pg_catalog.pg_available_extensions a ON a.name = w.name ORDER BY nth`,
    [column('name'), column('version'), column('schema'), column('schema_owner')],
  );
}

/** Versions that this server cannot make any more, in words: the default one comes in their place. */
export async function versionFindings(session: Session, record: BackupRecord): Promise<string[]> {
  return (await offered(session, record))
    .filter((extension) => !extension.available)
    .map((extension) => `The extension ${extension.name} is ${extension.version} in the backup, and this server can only create ${extension.default_version}: that comes in its place`);
}

/** Schemas that were created for extensions: what pg_restore must not create again. */
export type MadeSchema = Pick<ExtensionVersion, 'schema' | 'schema_owner'>;

/**
 * Creates the backup's extensions in the empty database of the session, if the default version is not right for one of them.
 * @param adopt schemas belong to the role of the session
 * @returns the transaction ids it took, as far as they are known
 */
export async function createExtensions(session: Session, record: BackupRecord, adopt: boolean): Promise<{ ids: string[]; schemas: MadeSchema[] }> {
  const extensions = await offered(session, record);
  const schemas: MadeSchema[] = [];
  if (!extensions.some(({ available, version, default_version }) => available && version !== default_version)) return { ids: [], schemas };
  const id = await inOwnTransaction(session, async () => {
    for (const extension of extensions) {
      const { schema, schema_owner } = extension;
      const [there] = await session.query<{ there: boolean }>('SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1) AS there', [schema]);
      if (!there!.there) {
        await session.query(`CREATE SCHEMA ${name(schema)}${adopt ? '' : ` AUTHORIZATION ${name(schema_owner)}`}`);
        schemas.push({ schema, schema_owner });
      }
      const version = extension.available ? ` VERSION ${pg.escapeLiteral(extension.version)}` : '';
      await session.query(`CREATE EXTENSION IF NOT EXISTS ${name(extension.name)} SCHEMA ${name(schema)}${version}`);
    }
  });
  return { ids: [id], schemas };
}

/** The archive's list of entries (`pg_restore --list`) with those schemas commented out. */
export function withoutSchemas(list: string, schemas: readonly MadeSchema[]): string {
  const entries = new Set(schemas.map(({ schema, schema_owner }) => `SCHEMA - ${schema} ${schema_owner}`));
  return list.split('\n').map((line) => (entries.has(line.replace(/^\d+; \d+ \d+ /, '')) ? `;${line}` : line)).join('\n');
}
