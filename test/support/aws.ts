/** AWS for tests: moto, one for all test files of a run. What they keep in it is told apart by names: take one of your own. */
import { randomUUID } from 'node:crypto';
import { askForServer } from './ask.js';

export interface TestAws {
  /** For `endpoint` of the SDK's clients, and for `AWS_ENDPOINT_URL`. */
  endpoint: string;
}

/** Credentials and region as the SDK's default chain finds them. moto takes any. */
export const AWS_VARIABLES = { AWS_ACCESS_KEY_ID: 'test-access-key', AWS_SECRET_ACCESS_KEY: 'test-secret-key-4711', AWS_REGION: 'eu-central-1' };

let shared: Promise<TestAws> | undefined;

export function aws(): Promise<TestAws> {
  shared ??= askForServer<TestAws>('aws');
  return shared;
}

/** A name that no other test takes: of a bucket, an instance, a cluster. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 8)}`;
}
