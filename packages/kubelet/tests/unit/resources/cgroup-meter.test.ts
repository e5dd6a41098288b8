import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import { MemoryCgroups } from '@nodeagent/cgroups/testing';
import { expect, it } from 'vitest';

import { meterCgroups } from '../../../src/resources/run/cgroup-meter.js';

it('measures creation, changes and removal of cgroups, also of those that fail', async () => {
  const [metrics, clock] = [new MemoryMetrics(), new ManualClock()];
  const { tree } = new MemoryCgroups({ clock });
  const metered = meterCgroups(
    { ...plain(tree), remove: () => Promise.reject(new Error('busy')) },
    { metrics, clock, version: 1 },
  );
  await metered.ensure(['kubepods'], {});
  await metered.ensure(['kubepods'], { cpuShares: 2 });
  await metered.ensure(['kubepods', 'pod1'], {});
  await expect(metered.remove(['kubepods', 'pod1'])).rejects.toThrow('busy');
  const counts = [...metrics.observations].map(([series, all]) => [series, all.length]);
  const series = (type: string): string =>
    `kubelet_cgroup_manager_duration_seconds{operation_type="${type}"}`;
  expect(Object.fromEntries(counts)).toEqual({
    [series('create')]: 2,
    [series('update')]: 1,
    [series('destroy')]: 1,
  });
  expect(metrics.values.get('kubelet_cgroup_version')).toBe(1);
  expect(await metered.limits(['kubepods'])).toMatchObject({ cpuShares: 2 });
});

function plain(tree: MemoryCgroups['tree']): MemoryCgroups['tree'] {
  return {
    ensure: (names, values) => tree.ensure(names, values),
    add: (names, pid) => tree.add(names, pid),
    limits: (names) => tree.limits(names),
    memoryUsage: (names) => tree.memoryUsage(names),
    children: (names) => tree.children(names),
    kill: (names) => tree.kill(names),
    remove: (names) => tree.remove(names),
  };
}
