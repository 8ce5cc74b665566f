/**
 * What people read on their phone at 3 a.m.: which operation, what state, which command. Short; nothing in it that is not in the
 * answer or the plan as well. Pure.
 */
import type { ErrorResponse, PlanSummary, RecordedDecision, Response, RollbackReport } from '../../contract/index.js';
import { cliDecisions } from './details.js';
import type { About, Said } from './notifier.js';

/** The part of an approval's time after which it is about to expire. */
const EXPIRING_AT = 0.8;

/** Slack reads `<!channel>` and links in any text. */
function escaped(text: string, most = 300): string {
  const oneLine = text.replace(/\s+/g, ' ').trim();
  const cut = oneLine.length > most ? `${oneLine.slice(0, most)}…` : oneLine;
  return cut.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const code = (command: string) => `\`${escaped(command, 500)}\``;
const minute = (at: string | number) => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
const title = ({ operation, settings }: Pick<About, 'operation' | 'settings'>) => `*${operation} on ${escaped(settings.environment, 100)}*`;
const planWords = (plan: PlanSummary) =>
  `plan ${plan.plan_hash.slice(0, 12)}, risk ${plan.evidence.risk}, ${plan.restore === null ? `${plan.migrations_total} migration(s)` : `restores ${plan.restore.backup_id}`}`;

/** That an approval is waited for, and that the time is nearly over. */
export function approvalWaiting(about: About, plan: PlanSummary, seconds: number): { said: Said; remind: { at: string; said: Said } } {
  const begun = Date.now();
  const until = new Date(begun + seconds * 1000).toISOString();
  const { approve, reject } = cliDecisions(about.operationId, plan, about.settings);
  const facts = { risk: plan.evidence.risk, plan_hash: plan.plan_hash, until };
  const commands = [`Approve: ${code(approve)}`, `Reject: ${code(reject)}`];
  const said: Said = {
    event: 'approval_waiting',
    text: [`${title(about)} waits for approval until ${minute(until)}: ${planWords(plan)}`, `Asked for by ${escaped(about.requestedBy, 100)} (not verified)`, ...commands].join('\n'),
    facts,
  };
  const expiring: Said = { event: 'approval_expiring', text: [`${title(about)} expires at ${minute(until)} unless it is approved: ${planWords(plan)}`, ...commands].join('\n'), facts };
  return { said, remind: { at: new Date(begun + seconds * 1000 * EXPIRING_AT).toISOString(), said: expiring } };
}

export function approved(about: About, plan: PlanSummary, approvals: readonly RecordedDecision[]): Said {
  const by = approvals.map((a) => `${escaped(a.by, 100)}${a.verification === 'claimed' ? ' (not verified)' : ''}`).join(', ');
  return { event: 'approved', text: `${title(about)} was approved by ${by}: ${planWords(plan)}`, facts: { risk: plan.evidence.risk, plan_hash: plan.plan_hash } };
}

/** That a failure waits for a person's decision; said again until there is one. */
export function decisionWaiting(about: About, plan: PlanSummary, answer: ErrorResponse, rollback: Pick<RollbackReport, 'costs'>): { said: Said; remind: { at: null; said: Said } } {
  const ways = answer.waiting_for ?? [];
  const commands = ways.map((way) => {
    const cost = rollback.costs?.[way];
    return `${way}${cost === undefined ? '' : ` (${escaped(cost, 150)})`}: ${code(cliDecisions(about.operationId, plan, about.settings).decide(way))}`;
  });
  const facts = { risk: plan.evidence.risk, plan_hash: plan.plan_hash, status: answer.status, code: answer.code, waiting_for: ways };
  const what = `${escaped(answer.error)} (${answer.code}). It keeps the lock of the database until somebody decides:`;
  return {
    said: { event: 'decision_waiting', text: [`${title(about)} FAILED and stopped: ${what}`, ...commands].join('\n'), facts },
    remind: { at: null, said: { event: 'decision_reminder', text: [`${title(about)} still waits for a decision since ${minute(Date.now())}: ${what}`, ...commands].join('\n'), facts } },
  };
}

export function decided(about: About, choice: string, decision: RecordedDecision): Said {
  const verified = decision.verification === 'claimed' ? ' (not verified)' : '';
  return { event: 'decided', text: `${title(about)}: ${choice}, decided by ${escaped(decision.by, 100)}${verified}` };
}

export function ended(about: About, planHash: string | null, answer: Response): Said {
  return {
    event: 'ended',
    text: [`${title(about)} ${ENDED[answer.status]}: ${escaped(answer.status === 'error' ? `${answer.error} (${answer.code})` : answer.message, 500)}`, ...(answer.status === 'error' ? after(answer) : [])].join('\n'),
    facts: { ...(planHash === null ? {} : { plan_hash: planHash }), status: answer.status, ...('code' in answer && answer.code !== undefined ? { code: answer.code } : {}) },
  };
}

const ENDED = { success: 'succeeded', error: 'FAILED', cancelled: 'was cancelled' } as const;

function after({ result, recovery }: ErrorResponse): string[] {
  const rollback = result?.['rollback'] as RollbackReport | undefined;
  const words = rollback === undefined ? [] : [`Undo: ${rollback.status.replaceAll('_', ' ')}${rollback.reason === undefined ? '' : ` (${escaped(rollback.reason)})`}`];
  const command = recovery.rollback_command === undefined ? [] : [`To go back: ${code(recovery.rollback_command)}`];
  return [...words, ...command, ...recovery.suggestions.slice(0, 3).map((suggestion) => `• ${escaped(suggestion)}`)];
}

/** Of an operation that was terminated, or whose server lost it. */
export function goneText(about: Pick<About, 'operation' | 'settings' | 'operationId'>): string {
  return `${title(about)} was ended from outside, without an answer: ${escaped(about.operationId)}. The next change of this database names what it left, and has it decided first.`;
}
