/** Where backups are kept, and how it is reached. */
import type { Config, EnvironmentConfig } from './config.js';
import type { Settings } from './settings.js';

/** @param location as it was written: a folder's absolute path, or a place in S3 */
export function storeSettings(location: string, s3: Config['backup']['s3'], chosen: EnvironmentConfig): Pick<Settings['backup'], 'location' | 's3'> {
  if (!location.startsWith('s3://')) return { location };
  return {
    location: location.replace(/\/+$/, ''),
    s3: {
      region: s3?.region ?? chosen.region ?? null,
      endpoint: s3?.endpoint ?? null,
      encryption: s3?.encryption ?? null,
      kms_key_id: s3?.kms_key_id ?? null,
      storage_class: s3?.storage_class ?? null,
      assume_role_arn: s3?.assume_role_arn ?? null,
    },
  };
}
