import { describe, expect, it } from 'vitest';

import { MIB, StatsNode } from '../../support/stats-node.js';

interface Usage {
  readonly cpu?: { readonly usageCoreNanoSeconds: number; readonly usageNanoCores?: number };
  readonly memory?: { readonly workingSetBytes: number; readonly availableBytes?: number };
}

interface Summary {
  readonly pods: readonly (Usage & {
    readonly podRef: { readonly name: string };
    readonly containers: readonly (Usage & { readonly name: string })[];
    readonly network?: { readonly interfaces: readonly { readonly name: string }[] };
    readonly volume?: readonly { readonly name: string; readonly usedBytes: number }[];
    readonly 'ephemeral-storage'?: { readonly usedBytes: number };
  })[];
}

async function summary(node: StatsNode): Promise<Summary['pods']> {
  return (JSON.parse(await node.page('stats-summary')) as Summary).pods;
}

describe('container usage', () => {
  it('is the runtime’s figure', async () => {
    const node = new StatsNode();
    const { containerId } = await node.startPod();
    node.runtime.setUsage(containerId as never, { cpuCoreNs: 5, workingSetBytes: 6 });
    const [pod] = await summary(node);
    expect(pod?.containers[0]?.cpu?.usageCoreNanoSeconds).toBe(5);
    expect(pod?.containers[0]?.memory?.workingSetBytes).toBe(6);
    expect(pod?.cpu?.usageCoreNanoSeconds).toBe(1_500_000_000);
  });

  it('and the rest of the limit are of the same moment', async () => {
    const node = new StatsNode();
    const { path, containerId } = await node.startPod();
    const [workingSetBytes, memoryBytes] = [70 * MIB, 128 * MIB];
    node.cgroups.set(`${path}/${containerId}`, {
      memory: { workingSetBytes: 64 * MIB },
      limits: { memoryBytes },
    });
    node.runtime.setUsage(containerId as never, { cpuCoreNs: 5, workingSetBytes });
    const [pod] = await summary(node);
    const availableBytes = memoryBytes - workingSetBytes;
    expect(pod?.containers[0]?.memory).toMatchObject({ workingSetBytes, availableBytes });
  });

  it('comes from cgroup files if the runtime lacks the call', async () => {
    const node = new StatsNode();
    await node.startPod();
    node.runtime.calls.failNext('listContainerStats', 'CRI_UNIMPLEMENTED');
    const [pod] = await summary(node);
    expect(pod?.containers[0]?.cpu?.usageCoreNanoSeconds).toBe(1_000_000_000);
    expect(pod?.containers[0]?.memory?.workingSetBytes).toBe(64 * MIB);
  });

  it('has a rate after the second measurement', async () => {
    const node = new StatsNode();
    const { path, pod } = await node.startPod();
    const cores = async () => (await summary(node))[0]?.cpu?.usageNanoCores;
    expect(await cores()).toBeUndefined();
    await node.clock.advance(10_000);
    node.cgroups.set(path, { cpu: { usageNs: 6_500_000_000 } });
    expect(await cores()).toBe(500_000_000);
    await node.clock.advance(2000);
    node.cgroups.set(path, { cpu: { usageNs: 8_500_000_000 } });
    expect(await cores(), 'not a momentary rate').toBe(500_000_000);
    expect(pod.metadata?.uid).toBeDefined();
  });
});

describe('pod usage', () => {
  it('without own cgroups is the runtime’s figure, or else the sum over containers', async () => {
    const reported = new StatsNode({ cgroups: false });
    const { containerId } = await reported.startPod();
    reported.runtime.setUsage(containerId as never, { cpuCoreNs: 7, workingSetBytes: 8 });
    expect((await summary(reported))[0]?.cpu?.usageCoreNanoSeconds).toBe(7);
    const silent = new StatsNode({ cgroups: false, lacks: ['podSandboxStats'] });
    const other = await silent.startPod();
    silent.runtime.setUsage(other.containerId as never, { cpuCoreNs: 9, workingSetBytes: 10 });
    expect((await summary(silent))[0]?.memory?.workingSetBytes).toBe(10);
  });

  it('is found by process if the runtime placed the cgroup elsewhere', async () => {
    const node = new StatsNode();
    const { path, containerId } = await node.startPod();
    node.cgroups.remove(`${path}/${containerId}`);
    node.cgroups.set('/elsewhere', { cpu: { usageNs: 77_000_000_000 } });
    node.machine.cgroups.set(4711, '/elsewhere');
    node.runtime.containerInfo = async () => ({ info: '{"pid":4711}' });
    const page = await node.page('metrics-cadvisor');
    expect(page).toMatch(
      /^container_cpu_usage_seconds_total\{container="app",id="\/elsewhere".* 77 /m,
    );
  });

  it('has no network figures on the host network', async () => {
    const node = new StatsNode();
    node.machine.networks.set(100, []);
    await node.startPod({ hostNetwork: true });
    expect((await summary(node))[0]?.network).toBeUndefined();
  });

  it('has no series after the pod has ended', async () => {
    const node = new StatsNode();
    const { sandboxId } = await node.startPod();
    expect(await node.page('metrics-resource')).toContain('pod="web"');
    node.runtime.killSandbox(sandboxId as never);
    expect(await node.page('metrics-resource')).not.toContain('pod="web"');
  });
});

describe('limits', () => {
  it('are read again after a minute', async () => {
    const node = new StatsNode();
    const { path, containerId } = await node.startPod();
    const set = (memoryBytes: number) =>
      node.cgroups.set(`${path}/${containerId}`, {
        memory: { workingSetBytes: 1 },
        limits: { memoryBytes },
      });
    const limit = async () =>
      /^container_spec_memory_limit_bytes\{container="app".*\} (\d+)$/m.exec(
        await node.page('metrics-cadvisor'),
      )?.[1];
    set(1000);
    expect(await limit()).toBe('1000');
    set(2000);
    expect(await limit()).toBe('1000');
    await node.clock.advance(60_000);
    expect(await limit()).toBe('2000');
  });
});

describe('disks', () => {
  const volume = '/kubelet/pods/uid-1/volumes/kubernetes.io~empty-dir/data';
  const figures = {
    ...{ atMs: 0, capacityBytes: 100, availableBytes: 50, usedBytes: 50 },
    ...{ inodes: 10, inodesFree: 5 },
  };

  it('are reported as last measured', async () => {
    const node = new StatsNode();
    await node.startPod({ volumes: [{ name: 'data', emptyDir: {} }] });
    node.machine.fileSystems.set(volume, figures);
    node.machine.fileSystems.set('/kubelet', figures);
    node.directories.directories.set(volume, { usedBytes: 42, inodesUsed: 2 });
    expect((await summary(node))[0]?.volume).toBeUndefined();
    await node.measureDisks();
    node.directories.directories.set(volume, { usedBytes: 43, inodesUsed: 2 });
    await node.measureDisks();
    const [pod] = await summary(node);
    expect(pod?.volume).toMatchObject([{ name: 'data', usedBytes: 42 }]);
    expect(pod?.['ephemeral-storage']?.usedBytes).toBe(42);
    await node.clock.advance(60_000);
    await node.measureDisks();
    expect((await summary(node))[0]?.volume).toMatchObject([{ usedBytes: 43 }]);
  });

  it('include volumes of claims, in the summary and as metrics', async () => {
    const node = new StatsNode();
    const claim = { namespace: 'default', name: 'c' };
    const size = { ...figures, usedBytes: 40, inodesUsed: 5 };
    node.claimed = [{ name: 'data', claim, ...size, abnormal: false }];
    await node.startPod();
    await node.startPod({ name: 'b', uid: 'uid-2' });
    await node.measureDisks();
    const [pod] = await summary(node);
    expect(pod?.volume).toMatchObject([
      { name: 'data', usedBytes: 40, pvcRef: claim, volumeHealthStats: { abnormal: false } },
    ]);
    const series = 'kubelet_volume_stats_used_bytes{namespace="default",persistentvolumeclaim="c"}';
    expect(node.metrics.values.get(series)).toBe(40);
    node.claimed = [];
    await node.clock.advance(120_000);
    await node.measureDisks();
    expect(node.metrics.values.get(series)).toBeUndefined();
  });

  it('of one pod are reported although another pod’s cannot be measured', async () => {
    const node = new StatsNode();
    const logs = '/logs/default_web_uid-1/app';
    node.directories.directories.set(logs, new Error('the disk is broken'));
    node.directories.directories.set('/logs/default_b_uid-2/app', { usedBytes: 9, inodesUsed: 1 });
    await node.startPod();
    await node.startPod({ name: 'b', uid: 'uid-2' });
    await node.measureDisks();
    expect(node.disks.diskOf('uid-1')).toBeUndefined();
    expect(node.disks.diskOf('uid-2')?.logs.get('app')?.usedBytes).toBe(9);
    expect(node.log.lines.map(({ message }) => message)).toContain(
      'cannot measure the disk usage of a pod',
    );
  });
});

describe('an unresponsive runtime', () => {
  it('fails the summary, and the metrics report it', async () => {
    const node = new StatsNode();
    node.runtime.calls.failNext('listPodSandbox', 'CRI_UNAVAILABLE');
    const page = await node.page('metrics-resource');
    expect(page).toMatch(/^resource_scrape_error 1$/m);
    expect(page).not.toContain('node_cpu');
    node.runtime.calls.failNext('listPodSandbox', 'CRI_UNAVAILABLE');
    await expect(node.page('stats-summary')).rejects.toMatchObject({ code: 'CRI_UNAVAILABLE' });
  });
});
