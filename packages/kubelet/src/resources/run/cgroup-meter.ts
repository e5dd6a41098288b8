import {
  type CallMeter,
  type Clock,
  createCallMeter,
  DEFAULT_BUCKETS,
  type Metrics,
} from '@nodeagent/base';
import type { CgroupTree } from '@nodeagent/cgroups';

/**
 * Measures changes of cgroups. The first change of a cgroup counts as its creation.
 *
 * @param version of the machine's cgroups
 * @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go, CgroupManagerDuration, CgroupVersion
 */
export function meterCgroups(
  tree: CgroupTree,
  { metrics, clock, version }: Readonly<{ metrics: Metrics; clock: Clock; version: 1 | 2 }>,
): CgroupTree {
  metrics
    .gauge({ name: 'kubelet_cgroup_version', help: "Version of the machine's cgroups." })
    .set(version);
  const change: CallMeter = createCallMeter(clock, {
    seconds: metrics.histogram({
      name: 'kubelet_cgroup_manager_duration_seconds',
      help: 'Duration of changes of cgroups, by kind.',
      labelNames: ['operation_type'],
      buckets: DEFAULT_BUCKETS,
    }),
  });
  const known = new Set<string>();
  return {
    ensure: async (names, values) => {
      const path = names.join('/');
      const operation_type = known.has(path) ? 'update' : 'create';
      await change({ operation_type }, () => tree.ensure(names, values));
      known.add(path);
    },
    remove: async (names) => {
      await change({ operation_type: 'destroy' }, () => tree.remove(names));
      known.delete(names.join('/'));
    },
    add: (names, pid) => tree.add(names, pid),
    limits: (names) => tree.limits(names),
    memoryUsage: (names) => tree.memoryUsage(names),
    children: (names) => tree.children(names),
    kill: (names) => tree.kill(names),
  };
}
