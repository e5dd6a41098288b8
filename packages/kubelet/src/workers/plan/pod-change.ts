import { isDeepStrictEqual } from 'node:util';

import type { Pod } from '@nodeagent/kube-client';

/**
 * What a newer copy of a pod means for its worker. `none`: only its status differs, which is mostly
 * the kubelet's own doing; a readiness gate that flipped is the exception. A spec that asks for what the
 * pod is not given shows in its generation alone.
 */
export type PodChange = 'none' | 'changed';

export function changeOf(before: Pod, after: Pod): PodChange {
  const same =
    isDeepStrictEqual(before.spec, after.spec) &&
    before.metadata?.generation === after.metadata?.generation &&
    isDeepStrictEqual(before.metadata?.labels, after.metadata?.labels) &&
    isDeepStrictEqual(before.metadata?.annotations, after.metadata?.annotations) &&
    before.metadata?.deletionTimestamp === after.metadata?.deletionTimestamp &&
    before.metadata?.deletionGracePeriodSeconds === after.metadata?.deletionGracePeriodSeconds &&
    gatesOf(before) === gatesOf(after);
  return same ? 'none' : 'changed';
}

/** The statuses of the conditions that the pod's readiness waits for. */
function gatesOf({ spec, status }: Pod): string {
  const gates = spec?.readinessGates ?? [];
  const statusOf = (gate: string): string =>
    status?.conditions?.find(({ type }) => type === gate)?.status ?? '';
  return gates.map(({ conditionType }) => statusOf(conditionType)).join();
}
