import type { Pod } from '@nodeagent/kube-client';

import { findContainer } from '../model/pod-spec.js';

/** The least time between the stop signal and the kill. */
const MIN_CONTAINER_GRACE_S = 2;

/**
 * Seconds that a pod has to stop: the least of what its deletion and the asker say (0 means that
 * one does not say), else what its spec says; at least 1.
 *
 * @see Kubernetes 1.36 pkg/kubelet/pod_workers.go, calculateEffectiveGracePeriod
 */
export function podGraceSeconds(pod: Pod, overrideSeconds?: number): number {
  const said = [pod.metadata?.deletionGracePeriodSeconds, overrideSeconds].filter(
    (seconds) => seconds !== undefined && seconds > 0,
  ) as number[];
  const chosen =
    said.length > 0 ? Math.min(...said) : (pod.spec?.terminationGracePeriodSeconds ?? 0);
  return Math.max(1, chosen);
}

/**
 * Seconds that one container has when it is stopped alone, to be restarted.
 *
 * @param probe the probe that asked for it, whose own period then counts
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_container.go, setTerminationGracePeriod
 */
export function containerGraceSeconds(
  pod: Pod,
  name: string,
  probe?: 'liveness' | 'startup',
): number {
  const deletion = pod.metadata?.deletionGracePeriodSeconds;
  if (deletion !== undefined) return deletion;
  const spec = findContainer(pod, name)?.spec;
  const asking = probe === 'liveness' ? spec?.livenessProbe : spec?.startupProbe;
  const ofProbe = probe === undefined ? undefined : asking?.terminationGracePeriodSeconds;
  return ofProbe ?? pod.spec?.terminationGracePeriodSeconds ?? MIN_CONTAINER_GRACE_S;
}
