import type { KubeletConfig } from '../../config/index.js';
import { configuredThresholds } from '../../eviction/index.js';

/** Rules of eviction, with times in milliseconds except for grace periods. */
export interface EvictionRules {
  readonly thresholds: ReturnType<typeof configuredThresholds>;
  readonly transitionMs: number;
  readonly maxGraceSeconds: number;
  readonly limitsLocalStorage: boolean;
}

export function evictionRules(config: KubeletConfig): EvictionRules {
  return {
    thresholds: configuredThresholds(config),
    transitionMs: config.evictionPressureTransitionPeriodMs,
    maxGraceSeconds: config.evictionMaxPodGracePeriod,
    limitsLocalStorage: config.localStorageCapacityIsolation,
  };
}
