/**
 * The public client.
 *
 * ```ts
 * import { FaberClient } from 'faber-db';
 *
 * const client = await FaberClient.connect();
 * const operation = await client.start('migrate', { environment: 'production', working_directory: '/srv/shop' });
 * const answer = await operation.result();
 * if (answer.status === 'success') console.log(answer.message);
 * await client.close();
 * ```
 */
export { FaberClient, type Decided, type StartOptions, type WayOutChosen } from './client.js';
export type { ConnectOptions } from './connect.js';
export type { Recorded } from './decide.js';
export { errorResponse, exitCodeOf } from './error-response.js';
export { OperationHandle, type WaitOutcome } from './handle.js';
export type { ListedOperation, ListOptions } from './list.js';
export type { Answer } from './results.js';
export { type PrivateKey, readPrivateKey } from './sign.js';
export { Schedules, type SyncOptions, type Triggered } from './schedules.js';
export type { WaitOptions } from './wait.js';
export type { ListedSchedule, ReadSchedulesResult, ScheduleChange, ScheduleKind, SyncResult } from '../contract/schedule.js';
export { FaberError, type ErrorCode } from '../contract/failure.js';
export type { OperationName, ParametersInput, ParametersOf, Request } from '../contract/operation.js';
export type { CancelledResponse, ErrorResponse, Response, StartedResponse, SuccessResponse, WayOut } from '../contract/response.js';
export type { MigrateResult, PreviewResult, RestoreResult, ResultOf } from '../contract/results.js';
export type { BackupResult, CleanupResult, ListBackupsResult, VerifyResult } from '../contract/retention.js';
export type { OperationState, Phase } from '../contract/view.js';
export type { Plan, PlanSummary } from '../contract/plan.js';
