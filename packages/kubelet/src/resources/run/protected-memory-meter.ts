import type { Metrics } from '@nodeagent/base';

import type { ProtectedMemory } from '../plan/memory-qos.js';

/** @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go, MemoryQoSNodeMemoryMinBytes */
export function meterProtected(metrics: Metrics): (memory: ProtectedMemory) => void {
  const min = metrics.gauge({
    name: 'kubelet_memory_qos_node_memory_min_bytes',
    help: 'Memory of Guaranteed pods that the kernel never takes back.',
  });
  const low = metrics.gauge({
    name: 'kubelet_memory_qos_node_memory_low_bytes',
    help: 'Memory of Burstable pods that the kernel takes back last.',
  });
  return ({ guaranteed, burstable }) => {
    min.set(guaranteed);
    low.set(burstable);
  };
}
