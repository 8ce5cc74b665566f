/** A waiting operation as text for a terminal: what will run, the risk, how it is undone, until when, and how to decide. */
import { verificationWords } from '../contract/decision.js';
import type { Finding, PlanSummary } from '../contract/plan.js';
import { Verification } from '../contract/settings.js';
import type { OperationState } from '../contract/view.js';
import { shellWord } from '../contract/shell-word.js';
import { printable } from './terminal-text.js';

export interface RenderOptions {
  workflowId: string;
  /** How this program was started, for commands to paste: `npx faber-db`. */
  invokedAs: string;
  /** Options that the commands need to reach the same Temporal. */
  connectionFlags?: string;
}

const UNDO: Record<PlanSummary['undo'], string> = {
  ladder: 'undone by itself, by the cheapest way that loses nothing; where there is none it stops and asks',
  restore: 'undone by itself, if need be by restoring the backup, which loses all writes since',
  stop: 'it stops and asks',
};

const UNDO_CLASS = { lossless: 'lossless', lossy: 'lossy', restore_only: 'by restore only' } as const;
const LEVEL: Record<Finding['level'], string> = { danger: 'DANGER ', warning: 'warning', info: 'note   ' };
const ORDER: Record<Finding['level'], number> = { danger: 0, warning: 1, info: 2 };

function migrationLines(plan: PlanSummary): string[] {
  const lines = plan.migrations.map((m, i) => {
    const how = m.transaction === 'standalone' ? ', outside a transaction' : '';
    return `  ${String(i + 1).padStart(3)}. ${printable(m.name)}  (undo: ${UNDO_CLASS[m.undo]}${how})`;
  });
  if (plan.migrations_not_shown > 0) lines.push(`       … and ${plan.migrations_not_shown} more`);
  return lines;
}

function findingLines(findings: readonly Finding[]): string[] {
  return [...findings]
    .sort((a, b) => ORDER[a.level] - ORDER[b.level])
    .map(({ level, message, migration, line }) => {
      const where = migration ? `  [${printable(migration)}${line ? `:${line}` : ''}]` : '';
      return `  ${LEVEL[level]} ${printable(message)}${where}`;
    });
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

/** The plan itself. */
export function renderPlan(plan: PlanSummary): string {
  const { evidence } = plan;
  const restores = plan.restore ? [`Restores  ${plan.restore.backup_id} (sha256 ${plan.restore.sha256.slice(0, 12)}…)`] : [];
  const verb = plan.operation === 'rollback' || plan.operation === 'rollback-to' ? 'Undoes' : 'Runs';
  return [
    `Plan ${plan.plan_hash.slice(0, 12)}: ${printable(plan.operation)} on ${printable(plan.environment)}`,
    `Risk      ${evidence.risk}`,
    `Database  ${printable(evidence.database.name)} (server ${printable(evidence.database.server_version)}), marked ${plan.target.marker === null ? 'not at all' : printable(plan.target.marker)}`,
    `Backup    ${evidence.backup === 'none' ? 'NONE before the change' : `before the change, ${evidence.backup}`}`,
    `If it fails: ${UNDO[plan.undo]}`,
    ...restores,
    ...(plan.create ? [`Creates   the database ${printable(plan.create.database)}`] : []),
    ...(plan.seed ? [`Seeds     ${printable(plan.seed.command)}`] : []),
    ...section(`${verb} ${plan.migrations_total} migration${plan.migrations_total === 1 ? '' : 's'}:`, migrationLines(plan)),
    ...section(`Recorded as applied without running (${plan.baseline.length}):`, plan.baseline.slice(-5).map((name) => `  ${printable(name)}`)),
    ...section('The approval must say what happened to (applied or rolled_back):', plan.resolve.map((name) => `  ${printable(name)}`)),
    ...section('Changes to the ledger only:', evidence.ledger_changes.map((text) => `  ${printable(text)}`)),
    ...section(plan.operation === 'migrate' ? 'Undoing it would lose:' : 'Will be lost:', evidence.losses.map((text) => `  ${printable(text)}`)),
    ...section('Findings:', findingLines(evidence.findings)),
  ].join('\n');
}

/** What the comment of an approval must hold, or null. */
export function requiredPhrase(plan: Pick<PlanSummary, 'settings' | 'evidence'>): string | null {
  const approval = plan.settings['approval'] as { confirmation_phrase?: unknown } | undefined;
  const phrase = approval?.confirmation_phrase;
  return plan.evidence.risk === 'destructive' && typeof phrase === 'string' ? phrase : null;
}

/** How the approver of a plan is known; the settings travel in the plan as they were hashed. */
function verificationOf(plan: Pick<PlanSummary, 'settings'>): Verification {
  const approval = plan.settings['approval'] as { verification?: unknown } | undefined;
  return Verification.catch('claimed').parse(approval?.verification);
}

const VERIFIED_BY: Record<Verification, string> = {
  claimed: 'Approvers are not verified: a name is taken at its word.',
  signed: 'Only signed decisions count (approver verified by signature).',
  principal: 'Approvers are verified by principal: whom the Temporal server authenticated.',
};

/** Commands that decide about a plan, ready to paste. */
export function decisionCommands(plan: Pick<PlanSummary, 'plan_hash' | 'resolve' | 'settings' | 'evidence'>, { workflowId, invokedAs, connectionFlags = '' }: RenderOptions): { approve: string; reject: string } {
  const common = `${shellWord(workflowId)} --plan ${plan.plan_hash.slice(0, 12)}${connectionFlags}`;
  const resolve = plan.resolve.map((name) => ` --resolve ${shellWord(`${name}=applied`)}`).join('');
  // The phrase is for a person to type, who has read what it is about: it is not filled in.
  const comment = requiredPhrase(plan) === null ? '' : ' --comment PHRASE';
  const sign = verificationOf(plan) === 'signed' ? ' --sign KEY' : '';
  return { approve: `${invokedAs} approve ${common}${resolve}${comment}${sign}`, reject: `${invokedAs} reject ${common} --comment why${sign}` };
}

/** The plan, who asked, until when, what was decided, and the commands that decide. */
export function renderWaiting(state: OperationState, options: RenderOptions): string {
  const { plan } = state;
  if (plan === null) return 'No plan yet.';
  const commands = decisionCommands(plan, options);
  return [
    renderPlan(plan),
    '',
    `Asked for by ${printable(state.requested_by)} (not verified). Waits until ${state.approval_deadline ?? 'decided'}; then it is cancelled, nothing changed.`,
    ...state.approvals.map((a) => `Already: ${a.decision} by ${printable(a.by)} (${printable(verificationWords(a))})`),
    ...(state.refused_count > 0 ? [`Decisions that did not count: ${state.refused_count}`] : []),
    ...state.refused.slice(-3).map(({ decision, by, reason }) => `  ${printable(decision)} by ${printable(by ?? 'nobody named')}: ${printable(reason)}`),
    ...(requiredPhrase(plan) === null ? [] : [`The plan is destructive. The comment of an approval must hold: ${printable(requiredPhrase(plan) ?? '')}`]),
    VERIFIED_BY[verificationOf(plan)],
    '',
    `Approve:  ${commands.approve}`,
    `Refuse:   ${commands.reject}`,
  ].join('\n');
}
