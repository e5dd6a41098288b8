import { parseMountinfo } from '@nodeagent/base';
import { describe, expect, it } from 'vitest';

import { cgroupMounts, missingControllers } from '../../src/plan/cgroup-mounts.js';

const mountsOf = (...lines: readonly string[]) =>
  cgroupMounts(parseMountinfo(lines.join('\n')), '/sys/fs/cgroup');

const TMPFS = '31 23 0:28 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755';
const CPU = '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct';
const CPUSET = '33 31 0:30 / /sys/fs/cgroup/cpuset rw shared:10 - cgroup cgroup rw,cpuset';
const MEMORY = '34 31 0:31 / /sys/fs/cgroup/memory rw shared:11 - cgroup cgroup rw,memory';
const SYSTEMD = '35 31 0:32 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd';
const UNIFIED = '36 31 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw';

describe(cgroupMounts, () => {
  it('finds controllers by what is mounted, several of them in one place', () => {
    const mounts = mountsOf(TMPFS, CPU, CPUSET, MEMORY, SYSTEMD, UNIFIED);
    if (mounts.version !== 1) throw new Error('taken for version 2');
    const { controllers, hierarchies } = mounts;
    expect(controllers.get('cpu')).toBe('/sys/fs/cgroup/cpu,cpuacct');
    expect(controllers.get('cpuacct')).toBe('/sys/fs/cgroup/cpu,cpuacct');
    expect(controllers.get('hugetlb')).toBeUndefined();
    const names = ['cpu,cpuacct', 'cpuset', 'memory', 'systemd', 'unified'];
    expect(hierarchies).toEqual(names.map((name) => `/sys/fs/cgroup/${name}`));
  });

  it('does not take a directory, or another file system, for a hierarchy', () => {
    const other = '37 31 0:34 / /sys/fs/cgroup/hugetlb rw - tmpfs tmpfs rw,hugetlb';
    const mounts = mountsOf(TMPFS, CPU, other);
    expect(mounts).toMatchObject({ hierarchies: ['/sys/fs/cgroup/cpu,cpuacct'] });
    expect(mounts.version === 1 && mounts.controllers.has('hugetlb')).toBe(false);
  });

  it('does not take a hierarchy that another mount hides', () => {
    const above = '41 31 0:40 / /sys/fs/cgroup rw - tmpfs tmpfs rw';
    expect(mountsOf(TMPFS, CPU, above, MEMORY)).toMatchObject({
      hierarchies: ['/sys/fs/cgroup/memory'],
    });
    const over = '42 31 0:41 / /sys/fs/cgroup/memory rw - tmpfs tmpfs rw';
    expect(mountsOf(TMPFS, CPU, MEMORY, over)).toMatchObject({
      hierarchies: ['/sys/fs/cgroup/cpu,cpuacct'],
    });
  });

  it('knows version 2 by its file system', () => {
    const v2 = '31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';
    expect(mountsOf(v2)).toEqual({ version: 2 });
    expect(mountsOf(TMPFS, UNIFIED).version).toBe(1);
  });
});

describe(missingControllers, () => {
  it.each([
    [[CPU, CPUSET, MEMORY], []],
    [[CPU, CPUSET], ['memory']],
    [[], ['cpu', 'cpuacct', 'cpuset', 'memory']],
  ] as const)('%j', (lines, want) => {
    expect(missingControllers(mountsOf(TMPFS, ...lines))).toEqual(want);
  });
});
