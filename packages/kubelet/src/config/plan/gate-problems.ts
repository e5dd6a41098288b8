import type { FeatureName, Problem } from '@nodeagent/component-base';

import type { KubeletConfig } from '../model/config.js';
import type { ConfigDocument } from '../model/config-file.js';

interface Gated {
  readonly gate: FeatureName;
  readonly field: keyof ConfigDocument;
  readonly isSet: (config: KubeletConfig) => boolean;
}

/** Settings that need a feature gate. */
const GATED: readonly Gated[] = [
  {
    gate: 'CustomCPUCFSQuotaPeriod',
    field: 'cpuCFSQuotaPeriod',
    isSet: (c) => c.cpuCfsQuotaPeriodMs !== 100,
  },
  {
    gate: 'RotateKubeletServerCertificate',
    field: 'serverTLSBootstrap',
    isSet: (c) => c.serverTLSBootstrap,
  },
  {
    gate: 'GracefulNodeShutdown',
    field: 'shutdownGracePeriod',
    isSet: (c) => c.shutdownGracePeriodMs > 0 || c.shutdownGracePeriodCriticalPodsMs > 0,
  },
  {
    gate: 'GracefulNodeShutdownBasedOnPodPriority',
    field: 'shutdownGracePeriodByPodPriority',
    isSet: (c) => c.shutdownGracePeriodByPodPriority.length > 0,
  },
  {
    gate: 'MemoryQoS',
    field: 'memoryReservationPolicy',
    isSet: (c) => c.memoryReservationPolicy === 'TieredReservation',
  },
  {
    gate: 'KubeletCrashLoopBackOffMax',
    field: 'crashLoopBackOff',
    isSet: (c) => c.crashLoopBackOff.maxContainerRestartPeriodMs !== 300_000,
  },
  {
    gate: 'KubeletEnsureSecretPulledImages',
    field: 'imagePullCredentialsVerificationPolicy',
    isSet: (c) => c.imagePullCredentialsVerificationPolicy !== 'NeverVerifyPreloadedImages',
  },
  {
    gate: 'KubeletEnsureSecretPulledImages',
    field: 'preloadedImagesVerificationAllowlist',
    isSet: (c) => c.preloadedImagesVerificationAllowlist.length > 0,
  },
];

/**
 * Finds settings of features that are off.
 *
 * @see Kubernetes 1.36 pkg/kubelet/apis/config/validation/validation.go
 */
export function gateProblems(config: KubeletConfig): readonly Problem[] {
  return GATED.filter(({ gate, isSet }) => !config.features[gate] && isSet(config)).map(
    ({ gate, field }) => ({ field, message: `needs the feature gate ${gate}` }),
  );
}
