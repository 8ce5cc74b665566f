/** Follows one migration from its start to its answer: shows what it does, gets the plan approved. */
import { userInfo } from 'node:os';
import type { Answer, FaberClient } from '../../client/index.js';
import type { PlanSummary } from '../../contract/index.js';
import type { OperationState } from '../../contract/view.js';
import { askOnTerminal, showWays } from './approval.js';
import type { Scene } from './scene.js';
import type { Screen } from './screen.js';

/** Who asks. The config forbids that the same one approves. */
const REQUESTER = 'release-pipeline';

/** Migrates production and stays until there is an answer, which it shows. @param yes approves by itself. */
export async function migrateProduction(client: FaberClient, scene: Scene, screen: Screen, yes: boolean): Promise<Answer<'migrate'>> {
  const operation = await client.start('migrate', { environment: 'production', working_directory: scene.project }, { requestedBy: REQUESTER });
  const approver = userInfo().username;
  const shown = new Set<string>();
  let asked: string | undefined;
  let decidedElsewhere = new AbortController();
  let deciding: Promise<void> = Promise.resolve();

  /** @throws FaberError when the decision does not count. */
  const decide = async (plan: PlanSummary, decided: AbortSignal): Promise<void> => {
    const verdict = yes ? 'approve' : await askOnTerminal(decided);
    const decision = { plan: plan.plan_hash.slice(0, 12), by: approver, comment: yes ? 'approved by the demo (--yes)' : 'decided at the terminal' };
    if (verdict === 'approve') await operation.approve(decision);
    if (verdict === 'reject') await operation.reject(decision);
  };

  const onState = (state: OperationState): void => {
    for (const line of state.progress) {
      const key = JSON.stringify(line);
      if (!shown.has(key)) screen.progress(line);
      shown.add(key);
    }
    const { plan } = state;
    if (state.phase === 'waiting_for_approval' && plan && asked !== plan.plan_hash) {
      asked = plan.plan_hash;
      decidedElsewhere = new AbortController();
      screen.plan(plan);
      if (!yes) showWays(screen, scene.temporal, operation.workflowId, plan, approver);
      deciding = decide(plan, decidedElsewhere.signal).catch((error: unknown) => screen.say(`  The decision did not count: ${(error as Error).message}`));
    }
    if (state.phase !== 'waiting_for_approval') decidedElsewhere.abort();
  };

  try {
    const answer = await operation.result({ onState, onNotice: (text) => screen.say(`  ${text}`) });
    screen.answer(answer);
    return answer;
  } finally {
    decidedElsewhere.abort();
    await deciding;
  }
}
