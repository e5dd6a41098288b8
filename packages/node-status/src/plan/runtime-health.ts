import type { RuntimeCondition, RuntimeHandler, RuntimeStatus } from '../model/facts.js';

/** The runtime's known state after any number of answers, or none. */
export interface RuntimeHealth {
  /** Monotonic time of the last answer with RuntimeReady. */
  readonly lastGoodMs: number | undefined;
  /** Problems from the last answer. */
  readonly runtimeProblem: string | undefined;
  readonly networkProblem: string | undefined;
  readonly handlers: readonly RuntimeHandler[];
  readonly supplementalGroupsPolicy: boolean | undefined;
}

/** The state before the runtime has answered for the first time: the node is not ready. */
export const UNKNOWN_HEALTH: RuntimeHealth = {
  lastGoodMs: undefined,
  runtimeProblem: undefined,
  networkProblem: 'network state unknown',
  handlers: [],
  supplementalGroupsPolicy: undefined,
};

/** The runtime counts as down after this long without a good answer. */
const DOWN_AFTER_MS = 30_000;

/**
 * Adds one answer. An answer without RuntimeReady has no information about handlers and is not a
 * sign of life. Failed calls are not answers.
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

/**
 * Reasons why pods cannot run, in the order of Kubernetes' messages; `others` come between them.
 */
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
