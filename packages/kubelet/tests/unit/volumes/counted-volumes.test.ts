import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import type { Pod, Volume } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { podUid, toPodUid } from '../../../src/pod/index.js';
import { aPod, MemoryDisk, MemoryPodVolumes } from '../../../src/testing/index.js';
import { MemoryPodEvents } from '../../../src/testing/memory-ports.js';
import { FIRST_PROJECT } from '../../../src/volumes/plan/project-quota.js';
import { CountedVolumes } from '../../../src/volumes/run/index.js';
import { MemoryQuotas } from '../../support/memory-quotas.js';

const { signal } = new AbortController();

function aNode(quotas = new MemoryQuotas(), disk = new MemoryDisk()) {
  const log = new MemoryLogger();
  const mount = { device: '7:0', root: '/', fsType: 'xfs', options: [], isShared: true };
  const counted = new CountedVolumes({
    ...{ quotas, log },
    mounter: { list: async () => [{ ...mount, path: '/var/lib' }] },
    files: { realPath: async (path) => path },
  });
  const clock = new ManualClock();
  const volumes = new MemoryPodVolumes({ clock, events: new MemoryPodEvents(), disk, counted });
  return { quotas, disk, counted, volumes, log };
}

const mounted = (...volumes: Volume[]) => ({
  volumes,
  containers: [
    { name: 'main', volumeMounts: volumes.map(({ name }) => ({ name, mountPath: `/${name}` })) },
  ],
});
const data: Volume = { name: 'data', emptyDir: {} };

function aPodInNamespace(uid: string, ...volumes: Volume[]): Pod {
  return aPod({ uid, hostUsers: false, ...mounted(...volumes) });
}

const dirOf = (uid: string, name = 'data') =>
  `/var/lib/kubelet/pods/${uid}/volumes/kubernetes.io~empty-dir/${name}`;

describe('an emptyDir on a file system that counts projects', () => {
  it('is a project of its own, and so is every other', async () => {
    const { volumes, quotas, counted } = aNode();
    const other: Volume = { name: 'other', emptyDir: {} };
    await volumes.prepare(aPodInNamespace('one', data, other), signal);
    await volumes.prepare(aPodInNamespace('two', data), signal);
    const dirs = [dirOf('one'), dirOf('one', 'other'), dirOf('two')];
    expect(dirs.map((dir) => quotas.projects.get(dir))).toEqual(
      [0, 1, 2].map((at) => FIRST_PROJECT + at),
    );
    quotas.bytes.set(dirOf('two'), 4096);
    expect(await counted.figures(dirOf('two'))).toEqual({ usedBytes: 4096, inodesUsed: 1 });
  });

  it('leaves its number to another when it is gone, and not before', async () => {
    const { volumes, quotas, counted } = aNode();
    await volumes.prepare(aPodInNamespace('one', data), signal);
    await volumes.teardown(toPodUid('one'), signal);
    expect(counted.isCounted(dirOf('one'))).toBe(false);
    await volumes.prepare(aPodInNamespace('two', data), signal); // files of the first are still open
    quotas.projects.delete(dirOf('one'));
    await volumes.prepare(aPodInNamespace('three', data), signal);
    expect([...quotas.projects.values()]).toEqual([FIRST_PROJECT + 1, FIRST_PROJECT]);
  });

  it('is still counted by the next kubelet, which asks its directory', async () => {
    const first = aNode();
    const pod = aPodInNamespace('one', data);
    await first.volumes.prepare(pod, signal);
    const next = aNode(first.quotas, first.disk);
    expect(next.counted.isCounted(dirOf('one'))).toBe(false);
    await next.volumes.prepare(pod, signal);
    expect(next.counted.isCounted(dirOf('one'))).toBe(true);
    expect(first.quotas.calls.filter((call) => call === 'assign')).toHaveLength(1);
  });

  it.each([
    ['has none', undefined],
    ['has that of the directory above', FIRST_PROJECT + 5],
    ['has one of the administrator', 12],
  ])('is walked if it was in use before, and %s', async (_, project) => {
    const { volumes, quotas, disk } = aNode();
    await volumes.prepare(aPodInNamespace('one', data), signal);
    quotas.projects.clear();
    if (project !== undefined) quotas.projects.set(dirOf('one'), project);
    if (project === FIRST_PROJECT + 5) {
      quotas.projects.set(dirOf('one').replace('/data', ''), project);
    }
    const next = aNode(quotas, disk);
    await next.volumes.prepare(aPodInNamespace('one', data), signal);
    expect(next.counted.isCounted(dirOf('one'))).toBe(false);
    expect(next.log.lines).toEqual([]);
  });
});

it.each([
  ['a pod in the namespace of the node', aPod({ uid: 'one', ...mounted(data) })],
  ['memory', aPodInNamespace('one', { name: 'data', emptyDir: { medium: 'Memory' } })],
] as const)('nothing is asked of the kernel for %s', async (_, pod) => {
  const { volumes, quotas, counted } = aNode();
  await volumes.prepare(pod, signal);
  expect(quotas.calls).toEqual([]);
  expect(counted.isCounted(dirOf(podUid(pod)))).toBe(false);
});

it('a file system that does not count is asked and named once', async () => {
  const { volumes, quotas, counted, log } = aNode();
  quotas.why = 'no prjquota';
  for (const uid of ['one', 'two']) await volumes.prepare(aPodInNamespace(uid, data), signal);
  expect(quotas.calls).toEqual(['problem']);
  expect(await counted.figures(dirOf('one'))).toBeUndefined();
  expect(log.lines).toMatchObject([
    { level: 'warn', fields: { mountPoint: '/var/lib', why: 'no prjquota' } },
  ]);
});

it('a failure of every volume is named once', async () => {
  const { volumes, quotas, log } = aNode();
  quotas.isReadOnly = true;
  for (const uid of ['one', 'two']) await volumes.prepare(aPodInNamespace(uid, data), signal);
  expect(log.lines).toHaveLength(1);
});

it('a failure stops no pod, is named once, and passes', async () => {
  const { volumes, quotas, counted, log } = aNode();
  quotas.failure = new Error('no space left');
  await volumes.prepare(aPodInNamespace('one', data), signal);
  await volumes.prepare(aPodInNamespace('two', data), signal);
  expect(log.lines).toHaveLength(1);
  quotas.failure = undefined;
  await volumes.prepare(aPodInNamespace('three', data), signal);
  expect(counted.isCounted(dirOf('three'))).toBe(true);
  quotas.failure = new Error('input/output error');
  expect(await counted.figures(dirOf('three'))).toBeUndefined();
  expect(log.lines).toHaveLength(2);
});
