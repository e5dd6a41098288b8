import { parseQuantity, quantityToUnits } from '@nodeagent/base';
import type { Container, Pod } from '@nodeagent/kube-client';

import { isCritical, qosClass } from '../../pod/index.js';

/** The machine's capabilities and the configured behavior. */
export interface SwapSettings {
  /** Version of cgroups. */
  readonly cgroups: 1 | 2;
  readonly behavior: 'NoSwap' | 'LimitedSwap';
  readonly swapBytes: number;
}

export interface ContainerSwap {
  /** Under version 1: limits memory plus swap to the memory limit. */
  readonly withMemory: boolean;
  readonly unified: Readonly<Record<string, string>>;
}

/**
 * Allows no swap unless the configuration gives burstable containers a share: the fraction of the
 * swap that equals their fraction of the memory.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_container_linux.go,
 *   configureContainerSwapResources
 */
export function containerSwap(
  pod: Pod,
  container: Container,
  { swap, memoryCapacityBytes }: Readonly<{ swap?: SwapSettings; memoryCapacityBytes: number }>,
): ContainerSwap {
  if (swap === undefined) return { withMemory: false, unified: {} };
  if (swap.cgroups === 1) return { withMemory: true, unified: {} };
  const bytes = swap.behavior === 'NoSwap' ? 0 : share(pod, container, swap, memoryCapacityBytes);
  return { withMemory: false, unified: { 'memory.swap.max': String(bytes) } };
}

/** The container gets a share of the swap. That share does not change while it runs. */
export function maySwap(
  pod: Pod,
  container: Container,
  settings: Readonly<{ swap?: SwapSettings; memoryCapacityBytes: number }>,
): boolean {
  const { swap, memoryCapacityBytes } = settings;
  if (swap?.cgroups !== 2 || swap.behavior === 'NoSwap') return false;
  return share(pod, container, swap, memoryCapacityBytes) > 0;
}

function share(
  pod: Pod,
  { resources }: Container,
  { swapBytes }: SwapSettings,
  memoryBytes: number,
): number {
  if (qosClass(pod) !== 'Burstable' || isCritical(pod)) return 0;
  const limit = amount(resources?.limits?.['memory']);
  const request = amount(resources?.requests?.['memory']) || limit;
  if (request === limit || request > memoryBytes) return 0;
  return Math.trunc((request / memoryBytes) * swapBytes);
}

function amount(text: string | undefined): number {
  return quantityToUnits(parseQuantity(text ?? '0') ?? 0n);
}
