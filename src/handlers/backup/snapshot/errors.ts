/** What AWS answers, in our words: what failed, what is so, and what helps. No text of a signature or a credential is passed on. */
import { type ErrorCode, FaberError } from '../../../contract/failure.js';

/** What was asked for. */
export interface Asked {
  code: Extract<ErrorCode, 'backup_failed' | 'restore_failed' | 'health_check_failed'>;
  /** In words, after "to": `create RDS snapshot`. */
  what: string;
  /** Of IAM: `rds:CreateDBSnapshot`. */
  action: string;
  /** ARNs or patterns that the policy must allow it on. */
  resources: readonly string[];
  /** How things stand when it fails, a sentence. */
  state: string;
}

export const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');
const statusOf = (error: unknown) => (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode;

const THROTTLED = new Set(['Throttling', 'ThrottlingException', 'ThrottledException', 'RequestThrottled', 'RequestLimitExceeded', 'TooManyRequestsException', 'SlowDown']);
const DENIED = new Set(['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'NotAuthorized']);
const CREDENTIALS = new Set([
  'CredentialsProviderError', 'TokenProviderError', 'ExpiredToken', 'ExpiredTokenException', 'InvalidClientTokenId', 'InvalidAccessKeyId', 'UnrecognizedClientException',
  'SignatureDoesNotMatch', 'MissingAuthenticationToken', 'MissingAuthenticationTokenException', 'IncompleteSignature', 'AuthFailure', 'OptInRequired',
]);
const NETWORK = new Set(['ECONNRESET', 'ECONNREFUSED', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** The answer may be another in a moment: too many requests, a server of AWS that is ill, a connection that broke. */
export function passes(error: unknown): boolean {
  const { code } = error as { code?: string };
  return THROTTLED.has(nameOf(error)) || nameOf(error) === 'TimeoutError' || (code !== undefined && NETWORK.has(code)) || (statusOf(error) ?? 0) >= 500;
}

export const isDenied = (error: unknown): boolean => DENIED.has(nameOf(error));
export const isMissing = (error: unknown): boolean => /^DB(Instance|Cluster|Snapshot|ClusterSnapshot|ClusterEndpoint)NotFound(Fault)?$/.test(nameOf(error));
export const isTaken = (error: unknown): boolean => /^DB(Instance|Cluster|Snapshot|ClusterSnapshot)AlreadyExists(Fault)?$/.test(nameOf(error));
/** It cannot be done in the state that the server or the snapshot is in now. */
export const isBusy = (error: unknown): boolean => /^Invalid(DBInstance|DBCluster|DBSnapshot|DBClusterSnapshot)State(Fault)?$/.test(nameOf(error));

/** What the policy of the worker's identity lacks, to be pasted. */
export function statementFor({ action, resources }: Pick<Asked, 'action' | 'resources'>): string {
  return JSON.stringify({ Effect: 'Allow', Action: [action], Resource: resources });
}

/** What is not of AWS (a FaberError, the reason of an abort) passes as it is. */
export function awsFailure(error: unknown, asked: Asked): unknown {
  if (!isOfAws(error)) return error;
  const { reason, suggestions } = reasonOf(error, asked);
  const result = asked.code === 'backup_failed' ? { backup_error: reason } : asked.code === 'health_check_failed' ? { connectivity: 'failed', error_details: reason } : { reason };
  return new FaberError({ code: asked.code, message: `${reason}. ${asked.state}`, result, suggestions }, { cause: bare(error) });
}

/** The SDK's own error holds the whole request: its signature, and the session token of the credentials. */
function bare(error: unknown): Error {
  const cause = new Error(nameOf(error));
  cause.name = nameOf(error);
  return cause;
}

function isOfAws(error: unknown): boolean {
  if (error instanceof FaberError || !(error instanceof Error)) return false;
  return '$metadata' in error || CREDENTIALS.has(error.name) || isRegionless(error) || passes(error);
}

const isRegionless = (error: unknown) => error instanceof Error && error.message.includes('Region is missing');

interface Reason { reason: string; suggestions: string[] }

const IDENTITY = "Check the worker's AWS credentials: aws sts get-caller-identity";

/** By the name that AWS gives it. What is not here is told by name and by what RDS says about its identifiers. */
const KNOWN: Record<string, (what: string) => Reason> = {
  SnapshotQuotaExceeded: (what) => ({ reason: `Failed to ${what}: the quota of manual snapshots is used up`, suggestions: ['Remove snapshots that nobody needs, or raise the quota "Manual DB instance snapshots" (or "Manual DB cluster snapshots") of RDS', 'Backups past their retention: faber-db cleanup'] }),
  InstanceQuotaExceeded: (what) => ({ reason: `Failed to ${what}: the quota of instances is used up`, suggestions: ['Raise the quota "DB instances" of RDS, or remove replaced instances: faber-db list-backups'] }),
  DBClusterQuotaExceeded: (what) => ({ reason: `Failed to ${what}: the quota of clusters is used up`, suggestions: ['Raise the quota "DB clusters" of RDS, or remove replaced clusters: faber-db list-backups'] }),
  StorageQuotaExceeded: (what) => ({ reason: `Failed to ${what}: the quota of storage is used up`, suggestions: ['Raise the quota "Total storage for all DB instances" of RDS'] }),
  KMSKeyNotAccessible: (what) => ({ reason: `Failed to ${what}: the KMS key of the storage is not accessible (disabled, deleted, or not allowed to this identity)`, suggestions: ['Enable the key, and allow kms:CreateGrant, kms:DescribeKey and kms:Decrypt on it to the worker\'s identity'] }),
  InsufficientDBInstanceCapacity: (what) => ({ reason: `Failed to ${what}: AWS has no room for this class in this availability zone now`, suggestions: ['Try again later'] }),
};

function reasonOf(error: unknown, asked: Asked): Reason {
  const name = nameOf(error);
  const known = KNOWN[name.replace(/Fault$/, '')];
  if (known) return known(asked.what);
  if (DENIED.has(name)) return { reason: `Insufficient permissions to ${asked.what}`, suggestions: [`Add to the IAM policy of the worker's identity: ${statementFor(asked)}`, IDENTITY] };
  if (CREDENTIALS.has(name)) {
    return { reason: `Failed to ${asked.what}: the worker has no usable AWS credentials (${name})`, suggestions: [IDENTITY, 'They come from the default chain of AWS: environment, profile, container or instance role; environments.<env>.assume_role_arn names a role to assume'] };
  }
  if (isRegionless(error)) {
    return { reason: `Failed to ${asked.what}: it is not known in which AWS region`, suggestions: ['Set environments.<env>.region, or AWS_REGION where the worker runs'] };
  }
  if (THROTTLED.has(name)) return { reason: `Failed to ${asked.what}: AWS throttles the requests of this account, also after waiting`, suggestions: ['Try again later, when less is asked of RDS in this account'] };
  if (passes(error)) return { reason: `Failed to ${asked.what}: RDS does not answer (${(error as { code?: string }).code ?? name})`, suggestions: ['Does the worker reach the API of RDS (network, VPC endpoint)?', 'Try again'] };
  const fault = (error as { $fault?: string } | null)?.$fault;
  return { reason: `Failed to ${asked.what}: ${name || 'unknown error'}${fault === 'client' && error instanceof Error ? ` (${withoutKeys(error.message)})` : ''}`, suggestions: [IDENTITY] };
}

/** Ids of access keys are no secrets, and nobody needs them in an answer. */
const withoutKeys = (text: string) => text.replace(/\b(A[KS]IA|AROA|AIDA)[A-Z0-9]{8,}\b/g, '****').slice(0, 400);
