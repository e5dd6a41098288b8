import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import {
  type CgroupDriver,
  CgroupError,
  cgroupPath,
  type CgroupTree,
  type CgroupValues,
} from '@nodeagent/cgroups';
import { MemoryCgroups } from '@nodeagent/cgroups/testing';
import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { toPodUid } from '../../../src/pod/index.js';
import { podCgroupValues, podNames, podUidOf } from '../../../src/resources/index.js';
import { cgroupFit } from '../../../src/resources/plan/cgroup-fit.js';
import { PodCgroups } from '../../../src/resources/run/index.js';
import { aPod } from '../../../src/testing/builders.js';

describe(cgroupPath, () => {
  const cases: readonly (readonly [CgroupDriver, string, 'Guaranteed' | 'Burstable', string])[] = [
    ['cgroupfs', '', 'Guaranteed', '/kubepods/poda-b'],
    ['cgroupfs', '/x', 'Burstable', '/x/kubepods/burstable/poda-b'],
    ['systemd', '/', 'Guaranteed', '/kubepods.slice/kubepods-poda_b.slice'],
    [
      'systemd',
      '/',
      'Burstable',
      '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poda_b.slice',
    ],
  ];
  it.each(cases)('%s below root %j, class %s: %s', (driver, root, qos, want) => {
    expect(cgroupPath(podNames({ driver, root }, qos, toPodUid('a-b')), driver)).toBe(want);
  });
});

describe(podUidOf, () => {
  it.each([
    ['cgroupfs', 'poda-b', 'a-b'],
    ['cgroupfs', 'burstable', undefined],
    ['systemd', 'kubepods-burstable-poda_b.slice', 'a-b'],
    ['systemd', 'kubepods-poda_b.slice', 'a-b'],
    ['systemd', 'kubepods-burstable.slice', undefined],
  ] as const)('%s: %s is the cgroup of %s', (driver, name, want) => {
    expect(podUidOf(name, driver)).toBe(want);
  });
});

describe(PodCgroups, () => {
  const log = new MemoryLogger();
  const withTree = async (tree: Partial<CgroupTree>): Promise<PodCgroups> => {
    const all = {
      ensure: async () => undefined,
      add: async () => undefined,
      children: async () => [],
      kill: async () => undefined,
      remove: async () => undefined,
      limits: async () => undefined,
      memoryUsage: async () => undefined,
      ...tree,
    };
    const layout = { driver: 'cgroupfs', root: '/' } as const;
    const rules = { cpuCfsQuota: true, cpuPeriodUs: 100_000, podPidsLimit: -1 };
    const cgroups = new PodCgroups({ tree: all, layout, rules, log, version: 2 });
    await cgroups.start();
    return cgroups;
  };

  it('lets no pod start until cgroups can be created', async () => {
    const [clock, end] = [new ManualClock(), new AbortController()];
    let failure: Error | undefined = new Error('EROFS: read-only file system');
    const cgroups = await withTree({
      ensure: async () => {
        if (failure !== undefined) throw failure;
      },
    });
    const problem = 'failed to initialize top level QOS containers: EROFS: read-only file system';
    expect(cgroups.problem()).toBe(problem);
    await expect(cgroups.ensure(aPod())).rejects.toThrow(problem);
    await expect(cgroups.limitAll({})).rejects.toThrow(problem);
    const running = cgroups.run(clock, end.signal);
    await clock.advance(10_000);
    expect(cgroups.problem()).toBe(problem);
    failure = undefined;
    await clock.advance(10_000);
    expect(cgroups.problem()).toBeUndefined();
    expect(await cgroups.ensure(aPod())).toMatch(/^\/kubepods\//);
    await running;
  });

  it('names unmounted controllers in upstream’s message', async () => {
    const missing = new CgroupError('CGROUP_NOT_MOUNTED', 'none', ['cpu', 'memory']);
    const cgroups = await withTree({ ensure: () => Promise.reject(missing) });
    expect(cgroups.problem()).toBe(
      'failed to initialize top level QOS containers: system validation failed - ' +
        'Following Cgroup subsystem not mounted: [cpu memory]',
    );
  });

  it.each([
    [64, undefined],
    [-1, 'the kernel has other limits: pidsMax is without limit instead of 64'],
  ])('limits all pods only if the kernel says so: it has %i', async (pidsMax, problem) => {
    const cgroups = await withTree({ limits: async () => ({ pidsMax, cpuShares: 2 }) });
    const limited = cgroups.limitAll({ pidsMax: 64 });
    if (problem === undefined) await limited;
    else await expect(limited).rejects.toThrow(problem);
  });

  it('finds pods of all QoS classes', async () => {
    const at: Record<string, string[]> = {
      kubepods: ['burstable', 'besteffort', 'podg'],
      'kubepods/burstable': ['podb'],
    };
    const cgroups = await withTree({ children: async (names) => at[names.join('/')] ?? [] });
    expect(await cgroups.pods()).toEqual(['g', 'b']);
  });

  it('adjusts a cgroup when its pod was resized, and reads the kernel only then', async () => {
    const written: CgroupValues[] = [];
    let reads = 0;
    const cgroups = await withTree({
      ensure: async (_, values) => void written.push(values),
      limits: async () => {
        reads += 1;
        return { cpuShares: 102, cpuPeriodUs: 100_000, cpuQuotaUs: 10_000 };
      },
    });
    const podWith = (cpu: string): Pod => ({
      metadata: { name: 'p', uid: 'u' },
      spec: { containers: [{ name: 'c', resources: { limits: { cpu }, requests: { cpu } } }] },
    });
    await cgroups.ensure(podWith('100m'));
    written.length = 0;
    await cgroups.fit(podWith('100m'), true);
    expect([reads, written]).toEqual([0, []]);
    await cgroups.fit(podWith('400m'), false);
    expect(written).toEqual([{ cpuShares: 409, cpuPeriodUs: 100_000, cpuQuotaUs: 40_000 }]);
    await cgroups.fit(podWith('400m'), true);
    await cgroups.fit(podWith('400m'), true);
    expect(reads).toBe(2);
  });

  describe('with huge pages', () => {
    const none = { '2MB': -1, '1GB': -1 };
    const above = ['/kubepods', '/kubepods/burstable', '/kubepods/besteffort'];
    const resources = (memory: string) => ({
      requests: { memory, 'hugepages-2Mi': '8Mi' },
      limits: { memory, 'hugepages-2Mi': '8Mi' },
    });
    const huge = (memory: string): Pod =>
      aPod({ uid: 'u', containers: [{ resources: resources(memory) }] });
    const started = async () => {
      const kernel = new MemoryCgroups();
      const cgroups = new PodCgroups({
        tree: kernel.tree,
        layout: { driver: 'cgroupfs', root: '/' },
        rules: {
          cpuCfsQuota: true,
          cpuPeriodUs: 1,
          podPidsLimit: -1,
          hugepageKib: [2048, 2 ** 20],
        },
        version: 2,
        log,
      });
      await cgroups.start();
      const pagesOf = (path: string) => kernel.valuesOf(path)?.hugepageBytes;
      return { kernel, cgroups, pagesOf };
    };

    it('does not limit pods together, whatever another program has set', async () => {
      const { kernel, cgroups, pagesOf } = await started();
      expect(above.map(pagesOf)).toEqual([none, none, none]);
      for (const path of above) {
        await kernel.tree.ensure(path.slice(1).split('/'), { hugepageBytes: { '2MB': 0 } });
      }
      const [clock, end] = [new ManualClock(), new AbortController()];
      const kept = cgroups.keepWeights(clock, end.signal);
      await clock.advance(60_000);
      expect(above.map(pagesOf)).toEqual([none, none, none]);
      end.abort();
      await kept;
    });

    it('leaves a pod those that it requests when it is resized', async () => {
      const { cgroups, pagesOf } = await started();
      await cgroups.ensure(huge('64Mi'));
      await cgroups.fit(huge('128Mi'), true);
      await cgroups.setLimits(huge('96Mi'), cgroups.wanted(huge('96Mi')));
      expect(pagesOf('/kubepods/burstable/podu')).toEqual({ '2MB': 8 * 2 ** 20, '1GB': 0 });
    });
  });

  it('kills only the processes that outlived their pod', async () => {
    const calls: string[] = [];
    let isBusy = true;
    const cgroups = await withTree({
      remove: async (names) => {
        calls.push(`remove ${names.join('/')}`);
        const busy = isBusy && names.includes('burstable');
        if (busy) throw Object.assign(new Error('in use'), { code: 'EBUSY' });
      },
      kill: async (names) => {
        calls.push(`kill ${names.join('/')}`);
        isBusy = false;
      },
    });
    await cgroups.remove(toPodUid('u'));
    expect(calls).toEqual([
      'remove kubepods/podu',
      'remove kubepods/burstable/podu',
      'kill kubepods/burstable/podu',
      'remove kubepods/burstable/podu',
      'remove kubepods/besteffort/podu',
    ]);
    const reported = log.lines.filter(({ message }) => message.startsWith('killing processes'));
    expect(reported).toMatchObject([{ level: 'debug', fields: { podUid: 'u' } }]);
  });
});

describe(cgroupFit, () => {
  const has = { cpuShares: 100, cpuPeriodUs: 100_000, cpuQuotaUs: 20_000, memoryLimitBytes: 64 };
  const settled = { mayShrink: true, memoryUsage: 10 };
  const busy = { mayShrink: false, memoryUsage: 10 };
  const more = { cpuShares: 200, cpuPeriodUs: 100_000, cpuQuotaUs: 30_000, memoryLimitBytes: 128 };
  const less = { cpuShares: 50, cpuPeriodUs: 100_000, cpuQuotaUs: 10_000, memoryLimitBytes: 32 };
  it.each([
    ['nothing if the limits are right', has, settled, {}],
    ['limits that grow', more, busy, more],
    ['no limit downwards while a container exceeds it', less, busy, {}],
    ['limits downwards once no container exceeds them', less, settled, less],
    [
      'memory never below its usage',
      { ...less, memoryLimitBytes: 9 },
      settled,
      { cpuShares: 50, cpuPeriodUs: 100_000, cpuQuotaUs: 10_000 },
    ],
    ['a limit that is removed', { memoryLimitBytes: -1 }, busy, { memoryLimitBytes: -1 }],
    ['no resource that is left out', {}, settled, {}],
  ])('changes %s', (_, wanted, rules, change) => {
    expect(cgroupFit(has, wanted, rules)).toEqual(change);
  });
});

describe(podCgroupValues, () => {
  const rules = { cpuCfsQuota: true, cpuPeriodUs: 100_000, podPidsLimit: -1 };
  const limited = { requests: { cpu: '500m' }, limits: { cpu: '1', memory: '1Gi' } };

  it('limits a pod whose containers all have limits', () => {
    const pod = aPod({ containers: [{ resources: limited }, { resources: limited }] });
    expect(podCgroupValues(pod, rules)).toEqual({
      cpuShares: 1024,
      cpuPeriodUs: 100_000,
      cpuQuotaUs: 200_000,
      memoryLimitBytes: 2 * 2 ** 30,
    });
  });

  it('does not limit a pod if one of its containers has no limit', () => {
    const pod = aPod({ containers: [{ resources: limited }, {}] });
    expect(podCgroupValues(pod, rules)).toMatchObject({ cpuQuotaUs: -1 });
    expect(podCgroupValues(pod, rules)).not.toHaveProperty('memoryLimitBytes');
  });

  it.each([
    ['as much as it requests', { 'hugepages-2Mi': '8Mi' }, { '2MB': 8 * 2 ** 20, '1GB': 0 }],
    ['the size however it is written', { 'hugepages-1024Mi': '1Gi' }, { '2MB': 0, '1GB': 2 ** 30 }],
    ['none without a request', {}, { '2MB': 0, '1GB': 0 }],
    [
      'none of a size that the machine has not',
      { 'hugepages-64Ki': '1Mi' },
      { '2MB': 0, '1GB': 0 },
    ],
  ])('gives a pod huge pages: %s', (_, amounts, want) => {
    const resources = { requests: { cpu: '1', ...amounts }, limits: amounts };
    const pod = aPod({ containers: [{ resources }] });
    const hugepageKib = [2048, 2 ** 20];
    expect(podCgroupValues(pod, { ...rules, hugepageKib }).hugepageBytes).toEqual(want);
    expect(podCgroupValues(aPod(), { ...rules, hugepageKib })).toEqual({
      cpuShares: 2,
      hugepageBytes: { '2MB': 0, '1GB': 0 },
    });
  });

  it('gives a pod without requests the minimum CPU shares and the process limit', () => {
    expect(podCgroupValues(aPod(), { ...rules, podPidsLimit: 50 })).toEqual({
      cpuShares: 2,
      pidsMax: 50,
    });
  });
});
