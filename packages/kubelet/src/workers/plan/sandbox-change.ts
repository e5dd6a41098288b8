import type { Pod } from '@nodeagent/kube-client';

import { isHostNetwork, type PodObservation } from '../../pod/index.js';

/**
 * The reason why the pod needs a new sandbox; undefined if the newest one is good.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/util/util.go, PodSandboxChanged
 */
export function sandboxProblem(pod: Pod, seen: PodObservation): string | undefined {
  const [newest] = seen.sandboxes;
  if (newest === undefined) return 'the pod has no sandbox yet';
  if (seen.sandboxes.filter(({ ready }) => ready).length > 1) return 'several sandboxes are ready';
  if (!newest.ready) return 'the newest sandbox is not ready';
  if ((newest.network === 'node') !== isHostNetwork(pod)) return 'the network mode changed';
  if (newest.network === 'pod' && newest.ips.length === 0) return 'the sandbox has no address';
  return undefined;
}

/** The attempt number of the next sandbox. */
export function nextAttempt(seen: PodObservation): number {
  const [newest] = seen.sandboxes;
  return newest === undefined ? 0 : newest.attempt + 1;
}
