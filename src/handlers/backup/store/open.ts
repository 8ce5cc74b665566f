/** The one place that knows which stores there are. */
import type { OpenStore } from '../contract.js';
import { Sealing } from '../encryption/sealing.js';
import { openLocalStore } from './local.js';
import { openS3Store } from './s3/store.js';

/**
 * Opens the store that `settings.backup.location` names: a folder, or a place in S3.
 * @param env the worker's: keys of encrypted backups are read from it
 */
export function stores(env: NodeJS.ProcessEnv): OpenStore {
  return (settings) => {
    const { location, encryption } = settings.backup;
    const sealing = new Sealing(encryption, env);
    return location.startsWith('s3://') ? openS3Store(settings, sealing) : openLocalStore(settings, sealing);
  };
}

/** With the variables of this process. */
export const openStore: OpenStore = stores(process.env);
