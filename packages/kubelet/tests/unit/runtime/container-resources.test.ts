import type { Container, Pod, PodSpec } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { pageSizeName } from '../../../src/resources/index.js';
import { containerResources, oomScoreAdj } from '../../../src/runtime/plan/container-resources.js';
import type { SwapSettings } from '../../../src/runtime/plan/container-swap.js';
import { parseCpuList } from '../../../src/runtime/plan/machine.js';
import { isRecursiveReadOnly } from '../../../src/runtime/plan/mounts.js';

const GI = 2 ** 30;
const settings = {
  cpuCfsQuota: true,
  cpuPeriodUs: 100_000,
  memoryCapacityBytes: 8 * GI,
  unified: {},
};
type Resources = NonNullable<Container['resources']>;

const podOf = (resources: Resources, spec: Partial<PodSpec> = {}): Pod => ({
  spec: { ...spec, containers: [{ name: 'c', resources }] },
});
const of = (pod: Pod, more: object = {}) =>
  containerResources(pod, pod.spec!.containers[0]!, { ...settings, ...more });

describe(oomScoreAdj, () => {
  const score = (pod: Pod, container = pod.spec!.containers[0]!): number =>
    oomScoreAdj(pod, container, 8 * GI);
  const equal = { cpu: '1', memory: '1Gi' };
  const rows: readonly (readonly [string, Pod, number])[] = [
    ['guaranteed', podOf({ requests: equal, limits: equal }), -997],
    ['best effort', podOf({}), 1000],
    ['burstable: an eighth of the memory', podOf({ requests: { memory: '1Gi' } }), 875],
    ['burstable without a request', podOf({ requests: { cpu: '1' } }), 999],
    ['burstable with nearly everything', podOf({ requests: { memory: '8Gi' } }), 3],
    [
      'critical for the node',
      podOf({}, { priority: 2_000_001_000, priorityClassName: 'system-node-critical' }),
      -997,
    ],
    [
      'critical for the cluster only',
      podOf({}, { priority: 2_000_000_000, priorityClassName: 'system-cluster-critical' }),
      1000,
    ],
    [
      'with a critical class name but no such priority',
      podOf({}, { priority: 1000, priorityClassName: 'system-node-critical' }),
      1000,
    ],
    [
      'a share of the pod-level request',
      podOf({ requests: { memory: '1Gi' } }, { resources: { requests: { memory: '2Gi' } } }),
      750,
    ],
  ];
  it.each(rows)('%s', (_, pod, want) => expect(score(pod)).toBe(want));

  it('of a sidecar is not above that of the pod’s containers', () => {
    const sidecar: Container = { name: 's', restartPolicy: 'Always' };
    const pod = podOf({ requests: { memory: '1Gi' } }, { initContainers: [sidecar] });
    expect(score(pod, sidecar)).toBe(875);
  });
});

describe('CPU and memory', () => {
  const rows: readonly (readonly [Resources, object])[] = [
    [{ requests: { cpu: '500m' } }, { cpuShares: 512, cpuQuotaUs: 0, cpuPeriodUs: 100_000 }],
    [{ limits: { cpu: '250m' } }, { cpuShares: 256, cpuQuotaUs: 25_000, cpuPeriodUs: 100_000 }],
    [{ limits: { cpu: '1m' } }, { cpuShares: 2, cpuQuotaUs: 1000 }],
    [
      { requests: { cpu: '100m' }, limits: { cpu: '2' } },
      { cpuShares: 102, cpuQuotaUs: 200_000 },
    ],
    [{ limits: { memory: '64Mi' } }, { memoryLimitBytes: 64 * 2 ** 20 }],
  ];
  it.each(rows)('%j', (resources, want) => expect(of(podOf(resources))).toMatchObject(want));

  it('at pod level replace limits that a container lacks', () => {
    const pod = podOf({}, { resources: { limits: { cpu: '1', memory: '1Gi' } } });
    expect(of(pod)).toMatchObject({ cpuQuotaUs: 100_000, memoryLimitBytes: GI });
  });
});

describe('huge pages', () => {
  it('are limited for every size that the machine has', () => {
    const pod = podOf(
      { limits: { 'hugepages-2Mi': '4Mi' } },
      { resources: { limits: { 'hugepages-1Gi': '1Gi' } } },
    );
    expect(of(pod, { hugepageKib: [64, 2048, 2 ** 20] }).hugepageLimits).toEqual([
      { pageSize: '64KB', limitBytes: 0 },
      { pageSize: '2MB', limitBytes: 4 * 2 ** 20 },
      { pageSize: '1GB', limitBytes: GI },
    ]);
    expect(of(pod).hugepageLimits).toBeUndefined();
  });

  it.each([
    [64, '64KB'],
    [2048, '2MB'],
    [32_768, '32MB'],
    [2 ** 24, '16GB'],
  ])('of %i KiB are called %s', (kib, want) => expect(pageSizeName(kib)).toBe(want));
});

describe('swap', () => {
  const v2: SwapSettings = { cgroups: 2, behavior: 'LimitedSwap', swapBytes: 4 * GI };
  const half = { requests: { memory: '1Gi' }, limits: { memory: '2Gi' } };
  const rows: readonly (readonly [string, Pod, SwapSettings, string])[] = [
    ['none', podOf(half), { ...v2, behavior: 'NoSwap' }, '0'],
    ['a share like that of the memory', podOf(half), v2, String(GI / 2)],
    ['none for best effort', podOf({}), v2, '0'],
    ['none for a critical pod', podOf(half, { priority: 2_000_000_000 }), v2, '0'],
    ['none where request and limit are equal', podOf({ limits: { memory: '1Gi' } }), v2, '0'],
    ['none for a request above the capacity', podOf({ requests: { memory: '9Gi' } }), v2, '0'],
  ];
  it.each(rows)('%s', (_, pod, swap, want) => {
    const { unified, memorySwapLimitBytes } = of(pod, { swap });
    expect([unified, memorySwapLimitBytes]).toEqual([{ 'memory.swap.max': want }, undefined]);
  });

  it('is limited together with memory by version 1 of cgroups', () => {
    const swap = { ...v2, cgroups: 1 as const };
    expect(of(podOf(half), { swap })).toMatchObject({ memorySwapLimitBytes: 2 * GI });
    expect(of(podOf({}), { swap }).memorySwapLimitBytes).toBeUndefined();
  });
});

describe(parseCpuList, () => {
  it.each([
    ['0-2,7\n', [0, 1, 2, 7]],
    ['0', [0]],
    ['', []],
    ['none', []],
  ])('%j', (text, want) => expect(parseCpuList(text)).toEqual(want));
});

describe(isRecursiveReadOnly, () => {
  const mount = { name: 'v', mountPath: '/v', readOnly: true };
  it.each([
    [{}, true, false],
    [{ recursiveReadOnly: 'Disabled' }, true, false],
    [{ recursiveReadOnly: 'IfPossible' }, true, true],
    [{ recursiveReadOnly: 'IfPossible' }, false, false],
    [{ recursiveReadOnly: 'Enabled', mountPropagation: 'None' }, true, true],
  ])('%j with support %s', (more, supported, want) =>
    expect(isRecursiveReadOnly({ ...mount, ...more }, supported)).toBe(want),
  );
  it.each([
    [{ recursiveReadOnly: 'Enabled' }, false, 'not supported by the runtime'],
    [{ recursiveReadOnly: 'Enabled', readOnly: false }, true, 'not read-only'],
    [
      { recursiveReadOnly: 'IfPossible', mountPropagation: 'HostToContainer' },
      true,
      'not compatible with propagation "HostToContainer"',
    ],
  ])('%j with support %s is refused', (more, supported, message) =>
    expect(() => isRecursiveReadOnly({ ...mount, ...more }, supported)).toThrow(
      `failed to resolve recursive read-only mode: volume "v" requested recursive read-only mode, but it is ${message}`,
    ),
  );
});
