import type { Pod } from '@nodeagent/kube-client';

import { findContainer } from '../model/pod-spec.js';

/** The shortest time between the stop signal and the kill. */
const MIN_CONTAINER_GRACE_S = 2;

/**
 * Seconds that a pod has to stop: the smaller of its deletion's and the caller's value (0 means
 * none is given), else its spec's value; at least 1.
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
 * Seconds that one container has to stop before it is restarted.
 *
 * @param probe the probe that failed; its own grace period takes precedence
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
