import type { RuntimeCondition, RuntimeHandler, RuntimeStatus } from '../model/facts.js';

/** What is known of the runtime after any number of answers, or none. */
export interface RuntimeHealth {
  /** Monotonic time of the last answer that said RuntimeReady. */
  readonly lastGoodMs: number | undefined;
  /** What the last answer said against the runtime. */
  readonly runtimeProblem: string | undefined;
  readonly networkProblem: string | undefined;
  readonly handlers: readonly RuntimeHandler[];
  readonly supplementalGroupsPolicy: boolean | undefined;
}

export const UNKNOWN_HEALTH: RuntimeHealth = {
  lastGoodMs: undefined,
  runtimeProblem: undefined,
  networkProblem: 'network state unknown',
  handlers: [],
  supplementalGroupsPolicy: undefined,
};

/** Without a good answer for this long the runtime counts as down. */
const DOWN_AFTER_MS = 30_000;

/**
 * One more answer. One that is not RuntimeReady says nothing about handlers, and does not count as
 * a sign of life. Calls that fail are not answers.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet.go, updateRuntimeUp
 */
export function foldRuntimeStatus(
  health: RuntimeHealth,
  status: RuntimeStatus,
  nowMs: number,
): RuntimeHealth {
  const find = (type: string): RuntimeCondition | undefined =>
    status.conditions.find((condition) => condition.type === type);
  const network = find('NetworkReady');
  const networkProblem =
    network?.status === true
      ? undefined
      : `container runtime network not ready: ${conditionText(network)}`;
  const runtime = find('RuntimeReady');
  if (runtime?.status !== true) {
    const runtimeProblem = `container runtime not ready: ${conditionText(runtime)}`;
    return { ...health, networkProblem, runtimeProblem };
  }
  const { handlers, supplementalGroupsPolicy } = status;
  return {
    lastGoodMs: nowMs,
    runtimeProblem: undefined,
    networkProblem,
    handlers,
    supplementalGroupsPolicy,
  };
}

function conditionText(condition: RuntimeCondition | undefined): string {
  if (condition === undefined) return '<nil>';
  const { type, status, reason, message } = condition;
  return `${type}=${status} reason:${reason} message:${message}`;
}

/** Why pods cannot run, in the order of Kubernetes' messages; `others` come between. */
export function runtimeProblems(
  { lastGoodMs, runtimeProblem }: RuntimeHealth,
  others: readonly string[],
  nowMs: number,
): readonly string[] {
  const problems: string[] = [];
  if (lastGoodMs === undefined) {
    problems.push('container runtime status check may not have completed yet');
  } else if (nowMs - lastGoodMs >= DOWN_AFTER_MS) problems.push('container runtime is down');
  problems.push(...others);
  if (runtimeProblem !== undefined) problems.push(runtimeProblem);
  return problems;
}
