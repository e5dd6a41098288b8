import { isDeepStrictEqual } from 'node:util';

import type { Pod } from '@nodeagent/kube-client';

/**
 * The effect of a newer copy of a pod on its worker. `none`: only its status differs, which is
 * mostly the kubelet's own change, and no readiness gate changed. If the spec requests resources
 * that are not allocated to the pod, only the generation differs here.
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

/** The statuses of the conditions that the pod's readiness gates name. */
function gatesOf({ spec, status }: Pod): string {
  const gates = spec?.readinessGates ?? [];
  const statusOf = (gate: string): string =>
    status?.conditions?.find(({ type }) => type === gate)?.status ?? '';
  return gates.map(({ conditionType }) => statusOf(conditionType)).join();
}
