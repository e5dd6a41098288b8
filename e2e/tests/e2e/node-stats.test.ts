import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Pod, PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { beforeAll, describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';
import { only, samples } from './samples.ts';

const READ_ONLY_PORT = 10_255;
const MIB = 1024 * 1024;
const e2e = useCluster(
  { readOnlyPort: READ_ONLY_PORT, volumeStatsAggPeriod: '1s', kubeletCgroups: '/' },
  { flags: { kubelet: ['--runtime-cgroups=/'] } },
);
const never = new AbortController().signal;

/** Writes to each kind of measured space, reports that, and then uses a little CPU time forever. */
const SCRIPT = `
head -c ${24 * MIB} /dev/zero > /memory/file
head -c ${5 * MIB} /dev/urandom > /disk/file
head -c ${3 * MIB} /dev/urandom > /own-layer
yes 'a line of a log' | head -n 20000
touch /disk/ready
while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.2; done`;

const LOG_LINE = 'YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ stdout F a line of a log\n';

const isNear = (amount: Partial<Amount> | undefined, wanted: number): boolean =>
  Math.abs((amount?.usedBytes ?? 0) - wanted) < MIB / 2;

async function page(path: string): Promise<string> {
  const { nodeIp } = e2e.cluster.space.network;
  return e2e.cluster.get(`http://${nodeIp}:${READ_ONLY_PORT}${path}`);
}

const CGROUPS = '/sys/fs/cgroup';
const isV2 = existsSync(join(CGROUPS, 'cgroup.controllers'));

/** The kernel's present figures of a cgroup. */
function kernel(path: string) {
  const read = (controller: string, file: string): string =>
    readFileSync(join(CGROUPS, isV2 ? '' : controller, path, file), 'utf8');
  const key = (text: string, name: string): number =>
    Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  const stat = read('memory', 'memory.stat');
  const usage = Number(read('memory', isV2 ? 'memory.current' : 'memory.usage_in_bytes'));
  return {
    cpuNs: isV2
      ? key(read('', 'cpu.stat'), 'usage_usec') * 1000
      : Number(read('cpuacct', 'cpuacct.usage')),
    workingSet: usage - key(stat, isV2 ? 'inactive_file' : 'total_inactive_file'),
  };
}

/** The cgroup of a pod's only container. */
async function cgroupOf(pod: Pod): Promise<{ container: string; pid: number }> {
  const id = (pod.status?.containerStatuses?.[0]?.containerID ?? '').replace(/^.*:\/\//, '');
  const tasks = await e2e.cluster.containerd.ctr('tasks', 'ls');
  const pid = Number(new RegExp(`^${id}\\s+(\\d+)`, 'm').exec(tasks)?.[1]);
  const text = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const path = isV2 ? /^0::(.*)$/m.exec(text) : /^\d+:memory:(.*)$/m.exec(text);
  return { container: path?.[1] ?? '', pid };
}

describe("the node's statistics of its pods", () => {
  let pod: Pod;
  let container: string;
  let pid: number;

  beforeAll(async () => {
    const spec = {
      nodeName: e2e.cluster.nodeName,
      terminationGracePeriodSeconds: 1,
      volumes: [
        { name: 'memory', emptyDir: { medium: 'Memory' } },
        { name: 'disk', emptyDir: {} },
      ],
      containers: [
        {
          name: 'burner',
          image: 'nodeagent.test/busybox:1',
          imagePullPolicy: 'Never',
          command: ['sh', '-c', SCRIPT],
          resources: { limits: { memory: '128Mi', cpu: '500m' } },
          readinessProbe: { exec: { command: ['test', '-e', '/disk/ready'] }, periodSeconds: 1 },
          volumeMounts: [
            { name: 'memory', mountPath: '/memory' },
            { name: 'disk', mountPath: '/disk' },
          ],
        },
      ],
    };
    const metadata = { name: 'busy', namespace: e2e.namespace };
    await e2e.client.create(PODS, { metadata, spec }, never);
    pod = await e2e.waitForPod('busy', 'to be ready', ({ status }) =>
      (status?.containerStatuses ?? []).some(({ ready }) => ready),
    );
    ({ container, pid } = await cgroupOf(pod));
  });

  const podCgroup = () => container.slice(0, container.lastIndexOf('/'));
  const labels = () => ({ container: 'burner', namespace: e2e.namespace, pod: 'busy' });

  it.each(['/metrics/resource', '/metrics/cadvisor'])(
    '%s has the CPU and memory of the kernel’s own files',
    async (path) => {
      const before = kernel(container);
      const text = await page(path);
      const after = kernel(container);
      const cpu = only(samples(text, 'container_cpu_usage_seconds_total', labels()));
      expect(cpu.value * 1e9).toBeGreaterThanOrEqual(before.cpuNs - 1);
      expect(cpu.value * 1e9).toBeLessThanOrEqual(after.cpuNs + 1);
      expect(cpu.atMs).toBeDefined();
      const memory = only(samples(text, 'container_memory_working_set_bytes', labels()));
      expect(memory.value).toBeGreaterThan(24 * MIB);
      expect(Math.abs(memory.value - after.workingSet)).toBeLessThan(4 * MIB);
    },
  );

  it('/metrics/resource has everything that metrics-server reads', async () => {
    const root = kernel('/');
    const before = kernel(podCgroup());
    const text = await page('/metrics/resource');
    const after = kernel(podCgroup());
    const of = { namespace: e2e.namespace, pod: 'busy' };
    const cpu = only(samples(text, 'pod_cpu_usage_seconds_total', of));
    expect(cpu.value * 1e9).toBeGreaterThanOrEqual(before.cpuNs - 1);
    expect(cpu.value * 1e9).toBeLessThanOrEqual(after.cpuNs + 1);
    const memory = only(samples(text, 'pod_memory_working_set_bytes', of));
    expect(Math.abs(memory.value - after.workingSet)).toBeLessThan(4 * MIB);
    const node = only(samples(text, 'node_cpu_usage_seconds_total'));
    expect(node.value * 1e9).toBeGreaterThanOrEqual(root.cpuNs);
    expect(only(samples(text, 'node_memory_working_set_bytes')).value).toBeGreaterThan(64 * MIB);
    const started = only(samples(text, 'container_start_time_seconds', labels()));
    const { startedAt } = pod.status?.containerStatuses?.[0]?.state?.running ?? {};
    expect(started.atMs).toBeUndefined();
    expect(Math.abs(started.value - Date.parse(String(startedAt)) / 1000)).toBeLessThan(60);
    expect(only(samples(text, 'resource_scrape_error')).value).toBe(0);
  });

  it('/metrics/cadvisor has what dashboards ask for', async () => {
    const text = await page('/metrics/cadvisor');
    for (const name of [
      'container_memory_rss',
      'container_memory_cache',
      'container_memory_usage_bytes',
      'container_cpu_cfs_periods_total',
      'container_cpu_cfs_throttled_periods_total',
      'container_threads',
    ]) {
      expect(samples(text, name, { ...labels(), id: container }), name).toHaveLength(1);
    }
    expect(only(samples(text, 'container_spec_memory_limit_bytes', labels())).value).toBe(
      128 * MIB,
    );
    expect(only(samples(text, 'container_spec_cpu_quota', labels())).value).toBe(50_000);
    const image = 'nodeagent.test/busybox:1';
    expect(samples(text, 'container_last_seen', { ...labels(), image })).toHaveLength(1);
    const network = { namespace: e2e.namespace, pod: 'busy', container: '', interface: 'eth0' };
    expect(samples(text, 'container_network_receive_bytes_total', network)).toHaveLength(1);
    expect(samples(text, 'container_network_transmit_packets_total', network)).toHaveLength(1);
    const whole = { namespace: e2e.namespace, pod: 'busy', container: '', id: podCgroup() };
    expect(samples(text, 'container_memory_working_set_bytes', whole)).toHaveLength(1);
    expect(only(samples(text, 'machine_cpu_cores')).value).toBeGreaterThan(0);
    expect(samples(text, 'container_cpu_usage_seconds_total', { id: '/' })).toHaveLength(1);
  });

  it('/stats/summary reports network, disks and the node', async () => {
    const found = await waitFor(
      async () => {
        const summary = JSON.parse(await page('/stats/summary')) as Summary;
        const seen = summary.pods.find(({ podRef }) => podRef.uid === pod.metadata?.uid);
        const volume = (name: string) => seen?.volume.find((each) => each.name === name);
        const isMeasured =
          isNear(volume('disk'), 5 * MIB) &&
          isNear(volume('memory'), 24 * MIB) &&
          isNear(seen?.containers[0]?.logs, 20_000 * LOG_LINE.length) &&
          (seen?.['ephemeral-storage'].usedBytes ?? 0) > 6 * MIB;
        return isMeasured && seen?.cpu.usageNanoCores !== undefined
          ? { seen, node: summary.node }
          : undefined;
      },
      { what: 'volumes, logs and rates to be measured', everyMs: 200 },
    );
    const { seen, node } = found;
    const [burner] = seen.containers;
    expect(burner?.rootfs?.capacityBytes).toBeGreaterThan(0);
    const memory = burner?.memory;
    expect((memory?.availableBytes ?? 0) + (memory?.workingSetBytes ?? 0)).toBe(128 * MIB);
    const ephemeral = seen['ephemeral-storage'].usedBytes;
    expect(ephemeral).toBeLessThan(12 * MIB);
    expect(seen.network.name).toBe('eth0');
    const own = readFileSync(`/proc/${pid}/net/dev`, 'utf8');
    const received = Number(/^\s*eth0:\s*(\d+)/m.exec(own)?.[1]);
    expect(seen.network.rxBytes).toBeGreaterThan(0);
    expect(seen.network.rxBytes).toBeLessThanOrEqual(received);
    expect(seen.process_stats.process_count).toBeGreaterThanOrEqual(2);

    expect(node.nodeName).toBe(e2e.cluster.nodeName);
    expect(node.fs.capacityBytes).toBeGreaterThan(node.fs.usedBytes);
    expect(node.runtime.imageFs.capacityBytes).toBeGreaterThan(MIB);
    expect(node.rlimit.curproc).toBeLessThan(node.rlimit.maxpid);
    const pods = node.systemContainers.find(({ name }) => name === 'pods');
    expect(pods?.memory.workingSetBytes).toBeGreaterThan(24 * MIB);
    expect(pods?.memory.availableBytes).toBeGreaterThan(0);
    for (const wanted of ['kubelet', 'runtime']) {
      const system = node.systemContainers.find(({ name }) => name === wanted);
      expect([wanted, system?.memory.workingSetBytes]).toEqual([wanted, expect.any(Number)]);
    }
  });

  it('/stats/summary has a short form', async () => {
    const text = await page('/stats/summary?only_cpu_and_memory=true');
    const { node, pods } = JSON.parse(text) as {
      node: object;
      pods: { podRef: { name: string } }[];
    };
    const keys = ['cpu', 'memory', 'nodeName', 'startTime', 'swap', 'systemContainers'];
    expect(Object.keys(node).sort()).toEqual(keys);
    const seen = pods.find(({ podRef }) => podRef.name === 'busy') ?? {};
    expect(Object.keys(seen)).toEqual(expect.arrayContaining(['containers', 'cpu', 'memory']));
    expect(Object.keys(seen)).not.toEqual(expect.arrayContaining(['network']));
  });
});

interface Amount {
  readonly usedBytes: number;
  readonly capacityBytes: number;
}

interface Memory {
  readonly workingSetBytes: number;
  readonly availableBytes: number;
}

/**
 * The fields that the test checks.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1
 */
interface Summary {
  readonly node: {
    readonly nodeName: string;
    readonly fs: Amount;
    readonly runtime: { readonly imageFs: Amount };
    readonly rlimit: { readonly maxpid: number; readonly curproc: number };
    readonly systemContainers: readonly { readonly name: string; readonly memory: Memory }[];
  };
  readonly pods: readonly {
    readonly podRef: { readonly uid: string };
    readonly cpu: { readonly usageNanoCores?: number };
    readonly containers: readonly {
      readonly memory: Memory;
      readonly logs?: Amount;
      readonly rootfs?: Amount;
    }[];
    readonly volume: readonly (Amount & { readonly name: string })[];
    readonly network: { readonly name: string; readonly rxBytes: number };
    readonly 'ephemeral-storage': Amount;
    readonly process_stats: { readonly process_count: number };
  }[];
}
