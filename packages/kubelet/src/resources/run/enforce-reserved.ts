import type { NodeEvents } from '@nodeagent/node-status';

import type { ReservedCgroup } from '../plan/node-cgroup-values.js';
import type { PodCgroups } from './pod-cgroups.js';

export interface EnforceReservedOptions {
  readonly cgroups: Pick<PodCgroups, 'limitExisting'>;
  readonly reserved: readonly ReservedCgroup[];
  readonly events: Pick<NodeEvents, 'normal' | 'warning'>;
}

/** A reserved cgroup that cannot be limited. */
export type ReservedProblem = Readonly<{ field: ReservedCgroup['field']; message: string }>;

/**
 * Limits the system's and the node agents' own cgroups to the resources reserved for them.
 *
 * @returns the first problem, after which no further cgroup is limited; undefined: none
 * @see Kubernetes 1.36 pkg/kubelet/cm/node_container_manager_linux.go, enforceNodeAllocatableCgroups
 */
export async function enforceReserved({
  cgroups,
  reserved,
  events,
}: EnforceReservedOptions): Promise<ReservedProblem | undefined> {
  for (const { field, path, title, group, values } of reserved) {
    try {
      if (values === undefined) throw new Error('no resources are reserved for it');
      await cgroups.limitExisting(path, values);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const message = `Failed to enforce ${title} Cgroup Limits on "${path}": ${why}`;
      events.warning('FailedNodeAllocatableEnforcement', message);
      return { field, message };
    }
    const message = `Updated limits on ${group} reserved cgroup ${path}`;
    events.normal('NodeAllocatableEnforced', message);
  }
  return undefined;
}
