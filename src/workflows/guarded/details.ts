/**
 * What the Web UI shows of a waiting operation ("current details", Markdown, at most 20 KB). The UI draws tables without
 * borders and cuts long lines of code, so: one short JSON a block, the shell command broken with `\`.
 */
import { verificationWords } from '../../contract/decision.js';
import type { Plan, PlanSummary, Settings } from '../../contract/index.js';
import { SIGNALS } from '../../contract/names.js';
import { shellWord } from '../../contract/shell-word.js';
import type { OperationState } from '../../contract/view.js';

const MOST_BYTES = 18_000;
const SHOWN_FINDINGS = 20;

/** Text of others inside Markdown: one line, no code fence, no link, no HTML. */
export function plain(text: string, most = 200): string {
  const oneLine = text.replace(/\s+/g, ' ').slice(0, most);
  return oneLine.replace(/[`<>[\]|*_\\]/g, (c) => `\\${c}`);
}

/** Commands that decide, by our own command line. */
export function cliDecisions(workflowId: string, plan: Pick<Plan, 'plan_hash'>, settings: Settings) {
  const signed = settings.approval.verification === 'signed' ? ' --sign KEY-FILE' : '';
  const verdict = (name: 'approve' | 'reject') => `faber-db ${name} ${shellWord(workflowId)} --plan ${plan.plan_hash.slice(0, 12)} --by YOUR-NAME${signed}`;
  return { approve: verdict('approve'), reject: verdict('reject'), decide: (way: string) => `faber-db decide ${shellWord(workflowId)} ${way} --by YOUR-NAME${signed}` };
}

export interface DecisionCommands {
  approve: string;
  reject: string;
}

/** Commands that decide with nothing of ours installed, ready to paste. */
export function decisionCommands(workflowId: string, namespace: string, plan: Pick<Plan, 'plan_hash' | 'resolve'>): DecisionCommands {
  const short = plan.plan_hash.slice(0, 12);
  const resolve = plan.resolve.length === 0 ? {} : { resolve: Object.fromEntries(plan.resolve.map((name) => [name, 'applied'])) };
  const payload = (extra: object) => JSON.stringify({ plan: short, by: 'YOUR-NAME', ...extra });
  const signal = (name: string, json: string) =>
    [
      'temporal workflow signal \\',
      `  --namespace ${shellWord(namespace)} \\`,
      `  --workflow-id ${shellWord(workflowId)} \\`,
      `  --name ${name} \\`,
      `  --input ${shellWord(json)}`,
    ].join('\n');
  return {
    approve: signal(SIGNALS.approve, payload(resolve)),
    reject: signal(SIGNALS.reject, payload({})),
  };
}

const code = (text: string, language = '') => `\`\`\`${language}\n${text}\n\`\`\``;

/** The page of an operation. */
export function operationDetails(state: OperationState, settings: Settings | null, where: { workflowId: string; namespace: string }): string {
  const parts = [`## ${state.operation} on ${plain(state.environment)}: ${state.phase.replaceAll('_', ' ')}`];
  if (state.answer !== null) parts.push(answerPart(state));
  parts.push(`Asked for by ${plain(state.requested_by)} (not verified).`);
  if (state.waiting_behind.length > 0) parts.push(`Waits for the database behind: ${state.waiting_behind.map((w) => plain(w)).join(', ')}`);
  if (state.change_workflow_id !== null && state.phase !== 'waiting_for_approval') parts.push(`The change runs in the child workflow ${plain(state.change_workflow_id)}.`);
  if (state.plan !== null) parts.push(...planParts(state.plan));
  if (state.phase === 'waiting_for_approval' && state.plan !== null && settings !== null) parts.push(...approvalParts(state, state.plan, settings, where));
  if (state.refused_count > 0) {
    parts.push(`### Decisions that did not count (${state.refused_count})`, state.refused.map((r) => `- ${plain(r.decision)} by ${plain(r.by ?? 'nobody named')}: ${plain(r.reason)}`).join('\n'));
  }
  return clip(parts.join('\n\n'));
}

function answerPart(state: OperationState): string {
  const answer = state.answer!;
  const text = answer.status === 'error' ? answer.error : answer.message;
  return `**${answer.status}**: ${plain(text, 500)}`;
}

function planParts(plan: PlanSummary): string[] {
  const lines = plan.migrations.map((m) => `- ${plain(m.name)} (${m.transaction}, undo: ${m.undo.replaceAll('_', ' ')})`);
  if (plan.migrations_not_shown > 0) lines.push(`- and ${plan.migrations_not_shown} more`);
  const parts = [
    `### Plan ${plan.plan_hash.slice(0, 12)}`,
    `Risk: **${plan.evidence.risk}**. Database ${plain(plan.evidence.database.name)}, server ${plain(plan.evidence.database.server_version, 40)}. Backup first: ${plan.evidence.backup}.`,
  ];
  if (plan.restore !== null) parts.push(`Restores ${plan.restore.backup_id}.`);
  if (plan.seed !== undefined) parts.push(`Runs the seed: ${plain(plan.seed.command, 500)}`, plan.seed.files.slice(0, SHOWN_FINDINGS).map((f) => `- ${plain(f.path)} (sha256 ${f.sha256.slice(0, 12)}…)`).join('\n'));
  if (plan.migrations_total > 0) parts.push(`${plan.migrations_total} migration(s):`, lines.join('\n'));
  if (plan.baseline.length > 0) parts.push(`Recorded as applied without running: ${plan.baseline.length} migration(s).`);
  if (plan.resolve.length > 0) parts.push(`To be settled by the decision ("resolve"): ${plan.resolve.map((n) => plain(n)).join(', ')}`);
  const findings = plan.evidence.findings.slice(0, SHOWN_FINDINGS).map((f) => `- ${f.level}: ${plain(f.message, 300)}${f.migration ? ` (${plain(f.migration)}${f.line ? `, line ${f.line}` : ''})` : ''}`);
  if (findings.length > 0) parts.push('### Findings', findings.join('\n'));
  const losses = plan.evidence.losses.slice(0, SHOWN_FINDINGS).map((l) => `- ${plain(l, 300)}`);
  // Of a migrate, its undo would lose them; of any other, the operation itself does.
  const byItself = plan.operation !== 'migrate';
  if (byItself && losses.length > 0) parts.push('### Will be lost', losses.join('\n'));
  const watched = plan.parameters['watch_seconds'];
  if (typeof watched === 'number') parts.push(`After the change its health is watched for ${watched} s, the lock kept; when it turns unhealthy, that counts as failed.`);
  parts.push('### If it fails', UNDO_WORDS[plan.undo], ...(!byItself && losses.length > 0 ? [losses.join('\n')] : []));
  return parts;
}

const UNDO_WORDS: Record<Plan['undo'], string> = {
  ladder: 'It is undone by itself by the cheapest way that loses nothing; where there is none, it stops and waits for a person.',
  restore: 'It is undone by itself, if need be by restoring the backup: **that loses all writes since the backup**.',
  stop: 'It stops and waits for a person.',
};

function approvalParts(state: OperationState, plan: PlanSummary, settings: Settings, where: { workflowId: string; namespace: string }): string[] {
  const commands = decisionCommands(where.workflowId, where.namespace, plan);
  const { approval } = settings;
  const phrase = plan.evidence.risk === 'destructive' ? approval.confirmation_phrase : null;
  const who = approval.approvers.length === 0 ? 'anyone' : approval.approvers.map((a) => plain(a)).join(', ');
  const verifiable = approval.verification === 'claimed' ? { by: 'YOUR-NAME' } : approval.verification === 'signed' ? { token: 'JWT' } : {};
  return [
    '### Approval',
    `Needed: ${approval.minimum_approvals}, given: ${state.approvals.length}. May approve: ${who}${approval.forbid_requester ? ', but not who asked' : ''}. ` +
      `Until ${state.approval_deadline ?? 'decided'}. ${VERIFICATION_WORDS[approval.verification]}`,
    ...(state.approvals.length === 0 ? [] : [state.approvals.map((a) => `- ${plain(a.decision)} by ${plain(a.by)}: ${plain(verificationWords(a))}`).join('\n')]),
    ...(phrase === null ? [] : [`The plan is destructive: an approval needs a "comment" that holds: **${plain(phrase)}**`]),
    'Send the signal `approve` or `reject` (json/plain):',
    code(JSON.stringify({ plan: plan.plan_hash.slice(0, 12), ...verifiable }), 'json'),
    'or in a shell:',
    ...(approval.verification === 'signed' ? [] : [code(commands.approve, 'sh'), code(commands.reject, 'sh')]),
    code(cliDecisions(where.workflowId, plan, settings).approve, 'sh'),
  ];
}

const VERIFICATION_WORDS: Record<Settings['approval']['verification'], string> = {
  claimed: "The approver's name is taken at its word (approver not verified).",
  signed: 'Only signed decisions count, rejections too (approver verified by signature).',
  principal: 'Who decides is known by the principal that the server stamps on the signal, rejections too; a `by` in the payload counts for nothing (approver verified by principal).',
};

function clip(markdown: string): string {
  // Characters outside ASCII take up to four bytes; the limit is in bytes.
  let end = markdown.length;
  while (end > 0 && byteLength(markdown.slice(0, end)) > MOST_BYTES) end = Math.floor(end * 0.9);
  return end === markdown.length ? markdown : `${markdown.slice(0, end)}\n\n(cut)`;
}

function byteLength(text: string): number {
  let bytes = 0;
  for (const char of text) {
    const point = char.codePointAt(0)!;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
