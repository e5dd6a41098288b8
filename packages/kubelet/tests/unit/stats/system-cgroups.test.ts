import { describe, expect, it } from 'vitest';

import { systemCgroups, type SystemCgroupsInput } from '../../../src/stats/plan/system-cgroups.js';

const own = { path: '/', startedAtMs: 7 };
const config = { cgroupsPerQOS: true, cgroupRoot: '/', kubeletCgroups: '', systemCgroups: '' };
const above = ['/kubepods', '/kubepods/burstable', '/kubepods/besteffort'];
const input: SystemCgroupsInput = { config, runtimeCgroups: '', above, own };

const named = (over: Partial<SystemCgroupsInput>) =>
  systemCgroups({ ...input, ...over }).flatMap(({ name, path }) =>
    name === undefined ? [] : [`${name} ${path}`],
  );

describe(systemCgroups, () => {
  it('are pods and kubelet by default, even with the kubelet in the root cgroup', () => {
    expect(systemCgroups(input)).toEqual([
      { name: 'pods', path: '/kubepods' },
      { name: 'kubelet', path: '/', startedAtMs: 7 },
      { path: '/kubepods/burstable' },
      { path: '/kubepods/besteffort' },
    ]);
  });

  it('include runtime and misc if their cgroups are configured', () => {
    const all = { ...config, kubeletCgroups: '/kube.slice', systemCgroups: '/system' };
    expect(named({ config: all, runtimeCgroups: '/runtime.slice' })).toEqual([
      ...['pods /kubepods', 'kubelet /kube.slice', 'runtime /runtime.slice', 'misc /system'],
    ]);
  });

  it('lack the kubelet if its cgroup is unknown, and pods while these have no cgroups', () => {
    expect(named({ own: { ...own, path: undefined }, above: [] })).toEqual([]);
  });

  it('use the root cgroup for pods without own cgroups', () => {
    const without = { ...config, cgroupsPerQOS: false, cgroupRoot: '' };
    expect(named({ config: without, above: [] })).toEqual(['pods /', 'kubelet /']);
  });
});
