import type { Pod } from '@nodeagent/kube-client';

import { type FailureVerdict, isCritical, type NodePressure, qosClass } from '../../pod/index.js';
import { tolerates } from './admission-taints.js';

const MEMORY_TAINT = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };

/**
 * Refuses all pods except critical ones while the node is under pressure. Under memory pressure
 * alone, only the pods that are evicted first are refused.
 *
 * @see Kubernetes 1.36 pkg/kubelet/eviction/eviction_manager.go, Admit
 */
export function refuseUnderPressure(
  pod: Pod,
  pressure: readonly NodePressure[],
): FailureVerdict | undefined {
  if (pressure.length === 0 || isCritical(pod)) return undefined;
  if (pressure.length === 1 && pressure[0] === 'MemoryPressure') {
    const tolerations = pod.spec?.tolerations ?? [];
    if (qosClass(pod) !== 'BestEffort') return undefined;
    if (tolerations.some((each) => tolerates(each, MEMORY_TAINT))) return undefined;
  }
  const message = `The node had condition: [${pressure.join(' ')}]. `;
  return { reason: 'Evicted', message };
}
