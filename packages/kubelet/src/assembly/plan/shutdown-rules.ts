import type { KubeletConfig } from '../../config/index.js';
import { type ShutdownPeriod, shutdownSchedule } from '../../shutdown/index.js';

export interface ShutdownRules {
  /** Periods in which pods end, one after the other; none: pods are not ended. */
  readonly schedule: readonly ShutdownPeriod[];
  /** True if the times of shutdowns are kept in a file and in metrics. */
  readonly keepsTimes: boolean;
}

/** How pods end when the machine shuts down, as the configuration says. */
export function shutdownRules(config: KubeletConfig): ShutdownRules {
  const { GracefulNodeShutdown: isOn, GracefulNodeShutdownBasedOnPodPriority: keepsTimes } =
    config.features;
  return { schedule: isOn ? shutdownSchedule(config) : [], keepsTimes };
}
