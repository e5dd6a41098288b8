import type { Clock } from '@nodeagent/base';
import type { CgroupValues } from '@nodeagent/cgroups';
import type { NodeEvents } from '@nodeagent/node-status';

import type { PodCgroups } from './pod-cgroups.js';

export interface EnforceOptions {
  readonly cgroups: Pick<PodCgroups, 'limitAll'>;
  /** Limits for all pods together. */
  readonly limits: CgroupValues;
  readonly events: Pick<NodeEvents, 'normal' | 'warning'>;
  readonly clock: Clock;
}

const RETRY_MS = 60_000;

/**
 * Limits all pods together to the node's allocatable resources, so that the reserved ones stay
 * free. Retries every minute until it succeeds or the signal fires.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/node_container_manager_linux.go
 */
export async function enforceAllocatable(
  { cgroups, limits, events, clock }: EnforceOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await cgroups.limitAll(limits);
      events.normal('NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods');
      return;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const text = `Failed to update Node Allocatable Limits ["kubepods"]: ${why}`;
      events.warning('FailedNodeAllocatableEnforcement', text);
      await clock.sleep(RETRY_MS, signal);
    }
  }
}
