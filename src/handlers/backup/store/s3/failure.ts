/** What a refusal of S3 means for the person who has to mend it. */
import { FaberError } from '../../../../contract/failure.js';
import { programOptions, type S3Place } from './place.js';

/** The IAM actions behind each call; the first is named when S3 does not say which is missing. */
export const ACTIONS = {
  GetObject: ['s3:GetObject'],
  HeadObject: ['s3:GetObject'],
  PutObject: ['s3:PutObject'],
  CopyObject: ['s3:GetObject', 's3:PutObject'],
  DeleteObject: ['s3:DeleteObject'],
  ListObjectsV2: ['s3:ListBucket'],
  ListMultipartUploads: ['s3:ListBucketMultipartUploads'],
  CreateMultipartUpload: ['s3:PutObject'],
  UploadPart: ['s3:PutObject'],
  CompleteMultipartUpload: ['s3:PutObject'],
  AbortMultipartUpload: ['s3:AbortMultipartUpload'],
} as const;
export type Call = keyof typeof ACTIONS;

/** Of the bucket, not of what is in it. */
const OF_BUCKET = new Set(['s3:ListBucket', 's3:ListBucketMultipartUploads']);
const OF_KEY = ['kms:GenerateDataKey', 'kms:Decrypt'];

interface Fault {
  reason: string;
  suggestions: string[];
  facts?: Record<string, unknown>;
}

interface AwsError {
  name?: string;
  code?: string;
  message?: string;
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
}

/** HTTP status of an answer that was no success, or null where there was none. */
export const statusOf = (error: unknown): number | null => (error as AwsError | null)?.$metadata?.httpStatusCode ?? null;
export const nameOf = (error: unknown): string => (error as AwsError | null)?.name ?? '';

/** Turns any error of S3 into `store_unavailable`; a FaberError and an abort's reason stay what they are. */
export function storeFailure(doing: string, place: S3Place, call: Call, error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof FaberError) return error;
  const { reason, suggestions, facts } = faultOf(place, call, error as AwsError);
  return new FaberError(
    {
      code: 'store_unavailable',
      message: `Could not ${doing} in the backup store ${place.location}: ${reason}`,
      result: { location: place.location, reason, ...facts },
      suggestions,
    },
    { cause: error },
  );
}

function faultOf(place: S3Place, call: Call, error: AwsError): Fault {
  const { bucket } = place;
  const name = error.name ?? '';
  const status = error.$metadata?.httpStatusCode;
  const region = error.$response?.headers?.['x-amz-bucket-region'];
  const endpoint = place.settings.endpoint;
  if (name === 'NoSuchBucket') return { reason: `there is no bucket ${bucket}`, suggestions: ['Correct backup.location', `Create it: aws s3 mb${programOptions(place.settings)} s3://${bucket}`] };
  if (/^(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException|TemporaryRedirect)$/.test(name) || status === 301) {
    const where = region ? `the bucket ${bucket} is in the region ${region}` : `the bucket ${bucket} is in another region than ${place.settings.region ?? "the worker's own"}`;
    return { reason: where, suggestions: [`Set backup.s3.region to ${region ?? 'the region of the bucket'}`] };
  }
  if (name === 'RequestTimeTooSkewed') return { reason: 'the clock of this machine is wrong by more than S3 allows', suggestions: ["Set the worker's clock (timedatectl, chrony)"] };
  if (/^(InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken|ExpiredTokenException|UnrecognizedClientException|TokenRefreshRequired)$/.test(name)) {
    return { reason: `AWS does not accept the credentials of the worker (${name})`, suggestions: ["Renew the worker's AWS credentials: aws sts get-caller-identity shows whose they are"] };
  }
  if (/Credentials/.test(name)) {
    return { reason: 'the worker has no AWS credentials', suggestions: ["Give the worker credentials by AWS's default chain: a role of its machine or pod, a profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its environment"] };
  }
  if (name.startsWith('KMS.') || name.startsWith('Kms')) {
    return { reason: `the KMS key of the store cannot be used (${name})`, suggestions: ['Check backup.s3.kms_key_id, and that the key is enabled', `Allow ${OF_KEY.join(' and ')} on it for the role of the worker`] };
  }
  if (status === 403) return denied(place, call, error);
  if (/^(SlowDown|Throttling|ThrottlingException|RequestLimitExceeded|TooManyRequests(Exception)?)$/.test(name) || status === 429) {
    return { reason: 'S3 asked to slow down, also after several attempts', suggestions: ['Try again later', 'See who else uses this bucket so much'] };
  }
  if (status === 501 || name === 'NotImplemented') return { reason: `${endpoint ?? 'the server'} does not implement what a store needs (conditional writes, multipart uploads)`, suggestions: ['Use S3, or a newer version of that server'] };
  if (status !== undefined && status >= 500) return { reason: `S3 answered ${status} ${name}, also after several attempts`, suggestions: ['Try again later'] };
  const network = /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|TimeoutError)$/;
  if (network.test(error.code ?? '') || network.test(name)) {
    return { reason: `${endpoint ?? 'S3'} does not answer (${error.code ?? name})`, suggestions: ['Check the network between the worker and S3: routes, VPC endpoint, proxy, firewall', ...(endpoint === null ? [] : ['Check backup.s3.endpoint'])] };
  }
  if (/region/i.test(error.message ?? '') && /missing/i.test(error.message ?? '')) return { reason: 'it is not said in which region the bucket is', suggestions: ["Set backup.s3.region, or AWS_REGION on the worker"] };
  return { reason: `S3 answered ${[status, name].filter(Boolean).join(' ') || 'nothing that can be read'}`, suggestions: ['Check backup.location and backup.s3'] };
}

/** Where S3 names the action, that one; else what the call needs. The policy to add is printed whole. */
function denied(place: S3Place, call: Call, error: AwsError): Fault {
  const said = /is not authorized to perform: ([a-z0-9]+:[A-Za-z*]+)/.exec(error.message ?? '')?.[1];
  const encrypted = place.settings.encryption === 'aws:kms' && (call === 'PutObject' || call === 'CreateMultipartUpload' || call === 'GetObject');
  // Without the right to list, S3 calls an object that is not there forbidden.
  const asked = call === 'GetObject' || call === 'HeadObject' ? [...ACTIONS[call], 's3:ListBucket'] : [...ACTIONS[call]];
  const missing = said ? [said] : [...asked, ...(encrypted ? OF_KEY : [])];
  const reason = said ? `the worker's role lacks ${said}` : `the worker's role lacks one of ${missing.join(', ')}`;
  return { reason, facts: { missing_actions: missing }, suggestions: [`Allow the worker's role all that a store needs: ${policy(place)}`] };
}

function policy({ bucket, prefix, settings }: S3Place): string {
  const all = [...new Set(Object.values(ACTIONS).flat())] as string[];
  const objects = all.filter((action) => !OF_BUCKET.has(action));
  const statements = [
    { Effect: 'Allow', Action: objects, Resource: `arn:aws:s3:::${bucket}/${prefix && `${prefix}/`}*` },
    { Effect: 'Allow', Action: [...OF_BUCKET], Resource: `arn:aws:s3:::${bucket}` },
    ...(settings.encryption === 'aws:kms' ? [{ Effect: 'Allow', Action: OF_KEY, Resource: settings.kms_key_id ?? 'the ARN of the KMS key' }] : []),
  ];
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}
