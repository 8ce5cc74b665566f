/** The one place that knows which stores there are. */
import type { OpenStore } from '../contract.js';
import { Sealing } from '../encryption/sealing.js';
import { openLocalStore } from './local.js';

/**
 * Opens the store that `settings.backup.location` names: a folder, or a place in S3.
 * @param env the worker's: keys of encrypted backups are read from it
 */
export function stores(env: NodeJS.ProcessEnv): OpenStore {
  return async (settings) => {
    const { location, encryption } = settings.backup;
    const sealing = new Sealing(encryption, env);
    if (!location.startsWith('s3://')) return openLocalStore(settings, sealing);
    // Only here: most workers have no use for the SDK, and each would pay for loading it.
    const { openS3Store } = await import('./s3/store.js');
    return openS3Store(settings, sealing);
  };
}

/** With the variables of this process. */
export const openStore: OpenStore = stores(process.env);
