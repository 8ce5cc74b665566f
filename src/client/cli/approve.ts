/** `faber-db approve` and `faber-db reject`: a decision about the exact plan that is waiting. */
import type { Command } from 'commander';
import { FaberError } from '../../contract/failure.js';
import type { OperationState } from '../../contract/view.js';
import type { Decided, FaberClient } from '../client.js';
import { requester } from '../requester.js';
import { renderWaiting, requiredPhrase } from '../render-plan.js';
import { ask } from './ask.js';
import { isInteractive, printJson, sayTo, type Io } from './io.js';
import { connectionFlags, resolveOption, signingKey, withClient, withConnection, withDecider, withJson, withSignature, type ConnectionFlags, type Resolutions } from './options.js';

interface DecisionOptions extends ConnectionFlags {
  plan?: string;
  by?: string;
  comment?: string;
  resolve?: Resolutions;
  json?: boolean;
  sign?: string;
}

type Verdict = 'approve' | 'reject';

function decided(io: Io, plan: string, { by, comment, resolve }: DecisionOptions): Decided {
  return { plan, by: requester(by, io.env), ...(comment === undefined ? {} : { comment }), ...(resolve === undefined ? {} : { resolve }) };
}

interface Chosen {
  verdict: Verdict;
  plan: string;
  comment?: string;
}

/** Shows the plan and asks. Without a terminal a plan must be named: nobody approves what they have not seen. */
async function askAboutPlan(io: Io, client: FaberClient, id: string, verdict: Verdict, options: DecisionOptions): Promise<Chosen | undefined> {
  if (!isInteractive(io)) {
    throw new FaberError({
      code: 'invalid_request',
      message: `Without a terminal ${verdict} needs --plan, so that what is decided is the plan that was seen`,
      suggestions: [`${io.invokedAs} preview ENVIRONMENT --json shows plan_hash`, `${io.invokedAs} watch ${id} shows the plan that waits`],
    });
  }
  const state: OperationState = await client.state(id);
  if (state.plan === null || state.phase !== 'waiting_for_approval') {
    throw new FaberError({ code: 'invalid_request', message: `Operation '${id}' does not wait for approval (phase: ${state.phase})`, suggestions: [`${io.invokedAs} watch ${id}`] });
  }
  sayTo(io.stderr, `\n${renderWaiting(state, { workflowId: id, invokedAs: io.invokedAs, connectionFlags: connectionFlags(options) })}\n`);
  const answer = (await ask(io, verdict === 'approve' ? 'Approve this plan? [y]es, [n]o (refuses it), anything else decides nothing: ' : 'Refuse this plan? [y]es: ')).toLowerCase();
  const yes = answer === 'y' || answer === 'yes';
  const no = answer === 'n' || answer === 'no';
  const plan = state.plan.plan_hash;
  const phrase = requiredPhrase(state.plan);
  if (yes && verdict === 'approve' && phrase !== null && options.comment === undefined) {
    return { verdict, plan, comment: await ask(io, `Type the phrase to confirm (${phrase}): `) };
  }
  if (yes) return { verdict, plan };
  return no && verdict === 'approve' ? { verdict: 'reject', plan } : undefined;
}

async function decide(io: Io, id: string, wanted: Verdict, options: DecisionOptions): Promise<number> {
  // Before the question: who cannot sign learns it at once.
  const signature = await signingKey(io, options.sign);
  return withClient(io, options, async (client) => {
    const chosen: Chosen | undefined = options.plan === undefined ? await askAboutPlan(io, client, id, wanted, options) : { verdict: wanted, plan: options.plan };
    if (chosen === undefined) {
      sayTo(io.stderr, 'Nothing decided.');
      return 4;
    }
    const { verdict, plan, comment = options.comment } = chosen;
    const decision = { ...decided(io, plan, comment === undefined ? options : { ...options, comment }), ...signature };
    const recorded = verdict === 'approve' ? await client.approve(id, decision) : await client.reject(id, decision);
    if (options.json) printJson(io, { status: 'success', result: recorded, message: `${verdict} recorded` });
    else sayTo(io.stdout, `${verdict === 'approve' ? 'Approved' : 'Refused'} plan ${plan.slice(0, 12)}${recorded.via === 'signal' ? '; it is judged later: the watch command shows whether it counted' : ''}`);
    return 0;
  });
}

export function addApproveAndReject(program: Command, io: Io, done: (exitCode: number) => void): void {
  const verdicts = [
    ['approve', 'approve the plan that an operation waits with'],
    ['reject', 'refuse the plan: the operation ends, nothing changed'],
  ] as const;
  for (const [verdict, summary] of verdicts) {
    const command = program.command(`${verdict} <id>`).summary(summary).option('--plan <hash>', 'first 8 or more hex digits of plan_hash; without it the plan is shown and asked about');
    if (verdict === 'approve') command.addOption(resolveOption());
    withConnection(withJson(withSignature(withDecider(command)))).action(async (id: string, options: DecisionOptions) => done(await decide(io, id, verdict, options)));
  }
}
