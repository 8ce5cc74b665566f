/** The one place that knows which stores there are. */
import type { OpenStore } from '../contract.js';
import { openLocalStore } from './local.js';
import { openS3Store } from './s3/store.js';

/** Opens the store that `settings.backup.location` names: a folder, or a place in S3. */
export const openStore: OpenStore = (settings) => (settings.backup.location.startsWith('s3://') ? openS3Store(settings) : openLocalStore(settings));
