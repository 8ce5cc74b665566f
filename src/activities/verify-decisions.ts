/** Who decided: by a signature, or by whom the server authenticated. Facts only; the workflow's rules judge them. */
import { Context } from '@temporalio/activity';
import { FaberError } from '../contract/failure.js';
import { SIGNALS } from '../contract/names.js';
import { KeysUnavailable } from '../handlers/approval/contract.js';
import type { DecisionFacts, UnverifiedDecision, VerifyDecisionsInput } from './contract.js';
import type { Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { SignalHistory } from './signal-history.js';
import { principalFacts } from './signal-sender.js';

/** A key set that cannot be fetched is tried for again by the activity's retries, this often; then its tokens may be sent again. */
const TRIES = 3;

export async function verifyDecisions(deps: Dependencies, input: VerifyDecisionsInput): Promise<DecisionFacts[]> {
  return withHeartbeat(async () => {
    const histories = new Histories();
    const facts: DecisionFacts[] = [];
    for (const decision of input.decisions) {
      facts.push('signal' in decision ? await principalFacts(histories.of(decision.signal), decision.signal) : await signatureFacts(deps, input, decision));
    }
    return facts;
  });
}

async function signatureFacts(deps: Dependencies, input: VerifyDecisionsInput, { decision, token }: Extract<UnverifiedDecision, { token: string }>): Promise<DecisionFacts> {
  const { approval, ...expected } = input;
  if (approval.signature === undefined) throw new FaberError({ code: 'internal', message: 'No keys to verify a signed decision with' });
  try {
    const verdict = await deps.verifyToken(token, { ...expected, decision }, approval.signature);
    if (!verdict.ok) return verdict;
    const { claims, key_id } = verdict;
    const { sub, plan, comment, resolve } = claims;
    const payload = { plan, choice: decision, by: sub, ...(comment === undefined ? {} : { comment }), ...(resolve === undefined ? {} : { resolve }) };
    return { ok: true, payload, verification: 'signed', key_id, once: JSON.stringify([key_id, claims.jti]) };
  } catch (error) {
    if (!(error instanceof KeysUnavailable) || Context.current().info.attempt < TRIES) throw error;
    return { ok: false, by: null, reason: `${error.message}; send it again later`, again: true };
  }
}

/** Each history is read once for all its signals. */
class Histories {
  readonly #opened = new Map<string, SignalHistory>();

  of({ workflow_id, run_id }: { workflow_id: string; run_id: string }): SignalHistory {
    const key = `${run_id} ${workflow_id}`;
    const opened = this.#opened.get(key);
    if (opened !== undefined) return opened;
    const history = SignalHistory.of(Context.current().client, { workflowId: workflow_id, runId: run_id }, Object.values(SIGNALS));
    this.#opened.set(key, history);
    return history;
  }
}
