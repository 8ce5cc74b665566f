/** Projects part of whose schema is somebody else's. */
import { FaberError } from '../../../../contract/failure.js';
import { readConfigText } from '../location.js';

/**
 * Prisma leaves `external` tables and enums out of its migrations, and makes them for its shadow database by code of the
 * project (`initShadowDb`), which is not run here: without it a migration would create what is not the project's.
 * @throws FaberError unsupported
 */
export async function refuseExternal(root: string): Promise<void> {
  const config = await readConfigText(root);
  const found = /\b(external|initShadowDb)['"]?\s*[:(]/.exec(config?.code ?? '')?.[1];
  if (!config || found === undefined) return;
  throw new FaberError({
    code: 'unsupported',
    message: `${config.file} sets \`${found}\`: part of the schema is not the project's own, and faber-db does not run the code that makes it. Nothing was written.`,
    suggestions: ['Generate this migration with the Prisma CLI (`npx prisma migrate dev --create-only`); faber-db applies it as any other'],
  });
}
