/** Why a dump or a restore broke off, in one sentence for a person, free of secrets and row values. */
import { FaberError } from '../../../contract/failure.js';
import { ScriptError } from '../../database/contract.js';
import { redactor } from '../../redact.js';
import { fileFault } from '../store/unavailable.js';
import { complaint } from './complaint.js';
import type { Exit } from './process.js';
import { PipeFailed } from './stream.js';

/** The machine: full, or with no place left. */
const MACHINE = /no space left on device|disk quota exceeded|disk full|out of (?:shared )?memory|cannot allocate memory|too many open files/i;

/**
 * Whether a program failed for a reason that says nothing about the backup: the same dump may be restored a minute later.
 * @param server what the database system's programs say when the server is full, gone or going
 */
export function isOfSurroundings(exit: Exit, server?: RegExp): boolean {
  const said = complaint(exit, []);
  return exit.code === null || MACHINE.test(said) || server?.test(said) === true;
}

/** @returns the reason and what to do about it. */
export function reasonOf(error: unknown, secrets: readonly string[], signal: AbortSignal): { reason: string; suggestions: string[] } {
  if (signal.aborted) return { reason: 'it was cancelled', suggestions: [] };
  if (error instanceof PipeFailed) {
    // A full disk ends the programs as well: the disk is the cause, their exit codes the consequence.
    const fault = fileFault(error.fileError);
    if (fault) return { reason: fault.reason, suggestions: [fault.suggestion] };
    if (error.culprit) return { reason: complaint(error.culprit, secrets), suggestions: [] };
    return { reason: 'the stream broke off', suggestions: [] };
  }
  if (error instanceof FaberError) return { reason: error.message, suggestions: error.suggestions };
  const fault = fileFault(error);
  if (fault) return { reason: fault.reason, suggestions: [fault.suggestion] };
  if (error instanceof ScriptError) {
    const { message, sqlState, connectionLost } = error.failure;
    return { reason: redactor(secrets)(`${message}${sqlState ? ` (SQLSTATE ${sqlState})` : ''}`), suggestions: connectionLost ? ['Try again'] : [] };
  }
  return { reason: 'an unexpected error', suggestions: [] };
}
