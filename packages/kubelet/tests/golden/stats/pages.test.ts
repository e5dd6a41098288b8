import { beforeAll, describe, expect, it } from 'vitest';

import { GIB, MIB, StatsNode } from '../../support/stats-node.js';

const pressure = (totalUs: number) => {
  const data = { totalUs, avg10Percent: 1.5, avg60Percent: 0.5, avg300Percent: 0.1 };
  return { some: data, full: { ...data, totalUs: totalUs / 2 } };
};

const eth0 = {
  ...{ name: 'eth0', rxBytes: 1000, rxPackets: 10, rxErrors: 1, rxDropped: 2 },
  ...{ txBytes: 2000, txPackets: 20, txErrors: 3, txDropped: 4 },
};

const fileSystem = (capacityBytes: number) => ({
  ...{ atMs: Date.UTC(2026, 0, 1), capacityBytes, availableBytes: capacityBytes / 2 },
  ...{ usedBytes: capacityBytes / 4, inodes: 1000, inodesFree: 600 },
});

/**
 * All figures of all pages, on a node with one pod on a network of its own and one on the host
 * network.
 */
async function fullNode(): Promise<StatsNode> {
  const node = new StatsNode();
  const { cgroups, machine, runtime } = node;
  machine.bootMs = Date.UTC(2025, 11, 31);
  machine.memoryFigures = {
    ...{ totalBytes: 4 * GIB, freeBytes: GIB, swapTotalBytes: GIB, swapFreeBytes: GIB / 2 },
  };
  machine.own = [{ ...eth0, rxBytes: 9000 }];
  machine.fileSystems.set('/kubelet', fileSystem(100 * GIB));
  machine.fileSystems.set('/var/lib/containers', fileSystem(50 * GIB));
  runtime.images.filesystems = {
    ...{ mountpoint: '/var/lib/containers', usedBytes: 7 * GIB, inodesUsed: 70 },
  };
  cgroups.set('/', {
    cpu: { usageNs: 9e9, userNs: 6e9, systemNs: 3e9, pressure: pressure(4_000_000) },
    memory: { workingSetBytes: GIB, usageBytes: 2 * GIB },
    ioPressure: pressure(6_000_000),
  });
  const startedAtMs = machine.bootMs + 60_000;
  node.systems = [
    ...node.systems,
    { name: 'kubelet', path: '/', startedAtMs },
    { name: 'runtime', path: '/system.slice/containerd.service' },
    { name: 'misc', path: '/no-such-cgroup' },
  ];
  cgroups.set('/system.slice/containerd.service', {
    memory: { workingSetBytes: 80 * MIB },
    changedAtMs: machine.bootMs,
  });
  for (const path of ['/kubepods', '/kubepods/burstable']) {
    cgroups.set(path, { memory: { workingSetBytes: 65 * MIB }, changedAtMs: machine.bootMs });
  }
  const { containerId, path } = await node.startPod({
    metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
    containers: [{ name: 'app', image: 'registry/"web":1' }],
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: 'fast', emptyDir: { medium: 'Memory' } },
      { name: 'host', hostPath: { path: '/srv' } },
    ],
  });
  runtime.setUsage(containerId as never, {
    ...{ cpuCoreNs: 1_100_000_000, workingSetBytes: 63 * MIB, writableLayerBytes: 3 * MIB },
  });
  machine.networks.set(100, [eth0, { ...eth0, name: 'net1' }]);
  cgroups.set(`${path}/${containerId}`, {
    cpu: {
      ...{ usageNs: 1e9, userNs: 0.6e9, systemNs: 0.4e9, pressure: pressure(1_000_000) },
      throttling: {
        ...{ periods: 100, throttledPeriods: 7, throttledNs: 5e8 },
        ...{ burstPeriods: 1, burstNs: 1e6 },
      },
    },
    memory: {
      ...{ workingSetBytes: 64 * MIB, usageBytes: 66 * MIB, rssBytes: 60 * MIB },
      ...{ cacheBytes: 5 * MIB, mappedFileBytes: MIB, kernelBytes: 2 * MIB, swapBytes: MIB },
      ...{ activeFileBytes: 3 * MIB, inactiveFileBytes: 2 * MIB, pageFaults: 11 },
      ...{ majorPageFaults: 2, maxUsageBytes: 80 * MIB, limitHits: 4, oomKills: 1 },
      pressure: pressure(2_000_000),
    },
    limits: {
      ...{ cpuShares: 512, cpuQuotaUs: 50_000, memoryBytes: 128 * MIB, swapBytes: 4 * MIB },
      ...{ memoryReservationBytes: 0, threads: 1024 },
    },
    ioPressure: pressure(3_000_000),
    devices: [
      {
        ...{ device: '/dev/vda', major: 254, minor: 0 },
        ...{ readBytes: 4096, writeBytes: 8192, reads: 1, writes: 2 },
      },
    ],
    processes: [101, 102],
    threads: 4,
  });
  await node.startPod({
    metadata: { name: 'agent', namespace: 'kube-system', uid: 'u2' },
    hostNetwork: true,
    containers: [{ name: 'main', image: 'agent:1' }],
  });
  const volumes = '/kubelet/pods/u1/volumes/kubernetes.io~empty-dir';
  for (const [directory, usedBytes] of [
    [`${volumes}/data`, 10 * MIB],
    [`${volumes}/fast`, 20 * MIB],
    ['/logs/shop_web_u1/app', MIB],
    ['/kubelet/pods/u1/etc-hosts', 4096],
  ] as const) {
    node.directories.directories.set(directory, { usedBytes, inodesUsed: 2 });
    machine.fileSystems.set(directory, fileSystem(100 * GIB));
  }
  await node.measureDisks();
  return node;
}

describe('the pages of a node with all figures', () => {
  let node: StatsNode;
  beforeAll(async () => {
    node = await fullNode();
  });

  it.each([
    ['metrics-cadvisor', 'cadvisor.txt'],
    ['metrics-resource', 'resource.txt'],
  ] as const)('%s', async (page, file) => {
    await expect(await node.page(page)).toMatchFileSnapshot(file);
  });

  it.each([
    ['', 'summary.json'],
    ['only_cpu_and_memory=true', 'summary-short.json'],
  ])('the summary, ?%s', async (query, file) => {
    const summary: unknown = JSON.parse(await node.page('stats-summary', query));
    await expect(`${JSON.stringify(summary, undefined, 2)}\n`).toMatchFileSnapshot(file);
  });
});
