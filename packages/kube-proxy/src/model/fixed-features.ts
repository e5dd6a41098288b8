import type { FeatureName } from '@nodeagent/component-base';

/**
 * Gates that the Go kube-proxy of 1.36 reads and this one does not: setting them has no effect, and
 * a gate that is not at its default is warned of. Gates that no kube-proxy reads are not here, nor
 * are locked ones.
 */
export const FIXED_FEATURES: ReadonlySet<FeatureName> = new Set<FeatureName>([
  'AllowServiceExternalIPs',
  'AtomicFIFO',
  'ClientsAllowCARotation',
  'ClientsAllowCBOR',
  'ClientsAllowTLSCacheGC',
  'ClientsPreferCBOR',
  'ContextualLogging',
  'InformerResourceVersion',
  'InOrderInformersBatchProcess',
  'UnlockWhileProcessingFIFO',
  'WatchListClient',
]);
