import type { UnusedFields } from '@nodeagent/component-base';

/**
 * Fields that this kubelet reads and checks but does not act on yet, as dotted paths, with the
 * behaviour without them. At start, the kubelet warns about a value other than the default.
 */
export const UNUSED_FIELDS: UnusedFields = {
  enableContentionProfiling: 'there is no lock contention to profile in this kubelet',
  contentType: 'requests to the API server are in JSON',
  cpuManagerPolicy: 'containers share all CPUs',
  cpuManagerPolicyOptions: 'containers share all CPUs',
  cpuManagerReconcilePeriod: 'containers share all CPUs',
  memoryManagerPolicy: 'memory is not bound to NUMA nodes',
  reservedMemory: 'memory is not bound to NUMA nodes',
  topologyManagerPolicy: 'resources are not aligned to NUMA nodes',
  topologyManagerScope: 'resources are not aligned to NUMA nodes',
  topologyManagerPolicyOptions: 'resources are not aligned to NUMA nodes',
  qosReserved: 'no memory is reserved for Guaranteed pods',
  volumePluginDir: 'Flexvolume plug-ins are not supported',
  kernelMemcgNotification:
    'memory is read as often as it may run short, whether this is set or not',
  iptablesMasqueradeBit: 'Kubernetes no longer uses it',
  iptablesDropBit: 'Kubernetes no longer uses it',
};
