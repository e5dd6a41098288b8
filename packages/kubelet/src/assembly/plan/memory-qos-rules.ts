import { quantityToUnits } from '@nodeagent/base';

import type { KubeletConfig } from '../../config/index.js';
import type { MemoryQosRules } from '../../resources/index.js';
import type { NodeMachine } from '../model/machine.js';

/** @see Kubernetes 1.36 pkg/kubelet/apis/config/v1beta1/defaults.go, DefaultMemoryThrottlingFactor */
const THROTTLING_FACTOR = 0.9;

/**
 * How the memory of pods is protected and throttled; undefined unless the feature is on and the
 * kernel has cgroup v2.
 */
export function memoryQosRules(
  config: Pick<
    KubeletConfig,
    | 'features'
    | 'kubeReserved'
    | 'memoryReservationPolicy'
    | 'memoryThrottlingFactor'
    | 'systemReserved'
  >,
  { memoryBytes, cgroupVersion }: Pick<NodeMachine, 'memoryBytes' | 'cgroupVersion'>,
): MemoryQosRules | undefined {
  if (!config.features.MemoryQoS || cgroupVersion !== 2) return undefined;
  const reserved = [config.systemReserved, config.kubeReserved].reduce(
    (sum, { memory = 0n }) => sum + quantityToUnits(memory),
    0,
  );
  return {
    reserves: config.memoryReservationPolicy === 'TieredReservation',
    throttlingFactor: config.memoryThrottlingFactor ?? THROTTLING_FACTOR,
    allocatableBytes: Math.max(0, memoryBytes - reserved),
  };
}
