import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { containerId, type RuntimeService } from '@nodeagent/cri-client';
import { createCriClient } from '@nodeagent/cri-client/grpc';
import type { Pod } from '@nodeagent/kube-client';
import { findNewestContainerd, runCommand, waitFor } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { cgroupOf } from './cgroups.ts';
import { useCluster } from './fixture.ts';
import {
  aScript,
  createPod,
  deletePod,
  hasPhase,
  isGone,
  isRunning,
  ledgerOf,
  SERVES,
  statusOf,
  untilSaid,
} from './pods.ts';
import { guaranteed, isGiven, resize } from './resizes.ts';
import { only, samples } from './samples.ts';

const READ_ONLY_PORT = 10_255;
const MIB = 2 ** 20;
const never = new AbortController().signal;
const e2e = useCluster(
  { readOnlyPort: READ_ONLY_PORT, cgroupDriver: 'systemd' }, // deliberately wrong
  { images: ['busybox'], containerd: { programs: await findNewestContainerd() } },
);

const page = (path: string): Promise<string> =>
  e2e.cluster.get(`http://${e2e.cluster.space.network.nodeIp}:${READ_ONLY_PORT}${path}`);

/**
 * The number of times that the kubelet has listed the runtime's containers, and the age of the last
 * time.
 */
async function relists(): Promise<Readonly<{ count: number; agoSeconds: number }>> {
  const text = await page('/metrics');
  const value = (name: string) => only(samples(text, `kubelet_pleg_${name}`)).value;
  return {
    count: value('relist_duration_seconds_count'),
    agoSeconds: Date.now() / 1000 - value('last_seen_seconds'),
  };
}

const runtimeId = (pod: Pod): string =>
  (statusOf(pod, 'app')?.containerID ?? '').replace(/^.*:\/\//, '');

async function start(name: string): Promise<Pod> {
  const resources = guaranteed('100m', '64Mi');
  await createPod(e2e, name, { containers: [aScript('app', SERVES, { resources })] });
  return e2e.waitForPod(name, 'to run', isRunning('app'));
}

describe('a runtime with an event stream', () => {
  it('is listed only every 30 s, and yet a killed container starts again at once', async () => {
    const pod = await start('killed');
    // Without events there would be a list every second, never this old. The next list is far off.
    const isQuiet = async () => {
      const { count, agoSeconds } = await relists();
      return agoSeconds > 4 && agoSeconds < 12 ? { count } : undefined;
    };
    const { count } = await waitFor(isQuiet, { what: 'lists to be rare', everyMs: 500 });
    const tasks = await e2e.cluster.containerd.ctr('tasks', 'ls');
    const pid = Number(new RegExp(`^${runtimeId(pod)}\\s+(\\d+)`, 'm').exec(tasks)?.[1]);
    process.kill(pid, 'SIGKILL');
    const again = await e2e.waitForPod('killed', 'to run again', (seen) => {
      return isRunning('app')(seen) && statusOf(seen, 'app')?.restartCount === 1;
    });
    expect((await relists()).count).toBe(count);
    const { exitCode, reason } = statusOf(again, 'app')?.lastState?.terminated ?? {};
    expect({ exitCode, reason }).toEqual({ exitCode: 137, reason: 'Error' });
    await untilSaid(e2e, 'killed', 'app runs', 'app runs');
  });
});

describe('a runtime that reports the resources of its containers', () => {
  const asking = async <T>(ask: (runtime: RuntimeService) => Promise<T>): Promise<T> => {
    const client = createCriClient({ endpoint: e2e.cluster.containerd.endpoint });
    try {
      return await ask(client.runtime);
    } finally {
      client.close();
    }
  };

  it('reports the resources of a pod after an increase and a decrease', async () => {
    const { containerID } = statusOf(await start('resized'), 'app') ?? {};
    for (const [cpu, memory, quotaUs, bytes] of [
      ['200m', '100000001', 20_000, 100_000_001], // the kernel itself counts whole pages
      ['50m', '32Mi', 5000, 32 * MIB],
    ] as const) {
      await resize(e2e, 'resized', 'app', guaranteed(cpu, memory));
      const after = await e2e.waitForPod('resized', 'to be', isGiven('app', { cpu, memory }));
      const id = containerId(runtimeId(after));
      const { resources } = await asking((runtime) => runtime.containerStatus(id, never));
      expect(resources).toMatchObject({ cpuQuotaUs: quotaUs, memoryLimitBytes: bytes });
      expect(await cgroupOf(e2e.cluster, after, 'app')).toEqual({
        quotaUs,
        memory: bytes - (bytes % 4096),
      });
      expect(statusOf(after, 'app')).toMatchObject({ containerID, restartCount: 0 });
    }
  });

  it('takes precedence over the kubelet’s own records', async () => {
    const id = containerId(runtimeId(await start('changed')));
    const linux = { cpuQuotaUs: 5000, cpuPeriodUs: 100_000 };
    await asking((runtime) => runtime.updateContainerResources({ containerId: id, linux }, never));
    await e2e.cluster.kubelet.kill9();
    await e2e.cluster.kubelet.start(); // requests a list of all containers
    const pod = await e2e.waitForPod('changed', 'to show the change by another program', (seen) => {
      return statusOf(seen, 'app')?.resources?.limits?.['cpu'] === '50m';
    });
    expect(statusOf(pod, 'app')?.allocatedResources?.['cpu']).toBe('100m');
  });

  it('continues a resize after the kubelet was killed', async () => {
    const before = await start('survives');
    await resize(e2e, 'survives', 'app', guaranteed('200m', '128Mi'));
    await e2e.cluster.kubelet.kill9();
    await e2e.cluster.kubelet.start();
    const more = { cpu: '200m', memory: '128Mi' };
    const after = await e2e.waitForPod('survives', 'to have grown', isGiven('app', more));
    const { containerID } = statusOf(before, 'app') ?? {};
    expect(statusOf(after, 'app')).toMatchObject({ containerID, restartCount: 0 });
    expect(await cgroupOf(e2e.cluster, after, 'app')).toEqual({
      quotaUs: 20_000,
      memory: 128 * MIB,
    });
  });
});

describe('a runtime that reports its cgroup driver', () => {
  it('takes precedence over the configuration', async () => {
    const pod = await start('by-cgroupfs');
    const log = await readFile(e2e.cluster.kubelet.logFile, 'utf8');
    expect(log).toMatch(/connected to the container runtime.*cgroupDriver="?cgroupfs/);
    expect(await cgroupOf(e2e.cluster, pod)).toEqual({ quotaUs: 10_000, memory: 64 * MIB });
  });
});

describe('a runtime with other statistics', () => {
  it('has its pods in /stats/summary and /metrics/cadvisor', async () => {
    const { metadata } = await start('counted');
    const isCounted = async () => {
      const { pods } = JSON.parse(await page('/stats/summary')) as Summary;
      const pod = pods.find(({ podRef }) => podRef.uid === metadata?.uid);
      return pod?.containers.some(({ cpu, memory }) => {
        return (cpu?.usageCoreNanoSeconds ?? 0) > 0 && (memory?.workingSetBytes ?? 0) > 0;
      });
    };
    await waitFor(isCounted, { what: 'the pod to be in the summary', everyMs: 500 });
    const text = await page('/metrics/cadvisor');
    const of = { container: 'app', namespace: e2e.namespace, pod: 'counted' };
    expect(only(samples(text, 'container_memory_working_set_bytes', of)).value).toBeGreaterThan(0);
    expect(only(samples(text, 'container_spec_cpu_quota', of)).value).toBe(10_000);
  });
});

describe('a runtime that makes mounts read-only all the way down', () => {
  it('does so on request, and the status shows it', async () => {
    const path = join(e2e.cluster.space.dir, 'outer');
    const inner = join(path, 'inner');
    await mkdir(inner, { recursive: true });
    await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', inner]);
    try {
      const mounts = (['Disabled', 'IfPossible', 'Enabled'] as const).map((recursiveReadOnly) => ({
        name: 'outer',
        mountPath: `/${recursiveReadOnly}`,
        readOnly: true,
        recursiveReadOnly,
      }));
      const script =
        'for at in Disabled IfPossible Enabled; do touch /$at/inner/$at && say "$at: yes"; done; true';
      await createPod(e2e, 'all-the-way', {
        restartPolicy: 'Never',
        containers: [
          aScript('app', script, {
            volumeMounts: [{ name: 'ledger', mountPath: '/ledger' }, ...mounts],
          }),
        ],
        volumes: [{ name: 'outer', hostPath: { path } }],
      });
      const pod = await e2e.waitForPod('all-the-way', 'to end', hasPhase('Succeeded'));
      expect(await ledgerOf(e2e, 'all-the-way')).toEqual(['app Disabled: yes']);
      const told = statusOf(pod, 'app')?.volumeMounts?.filter(({ name }) => name === 'outer');
      expect(told?.map(({ recursiveReadOnly }) => recursiveReadOnly)).toEqual([
        'Disabled',
        'Enabled',
        'Enabled',
      ]);
    } finally {
      await deletePod(e2e, 'all-the-way', 0);
      await waitFor(() => isGone(e2e, 'all-the-way'), { what: 'the pod to be gone' });
      await runCommand(['umount', inner]);
    }
  });
});

describe('a runtime that mounts images', () => {
  // Only containerd 2.2 and later can mount parts of images.
  it('mounts an image as a read-only volume', async () => {
    const image = { reference: 'nodeagent.test/busybox:1', pullPolicy: 'Never' };
    const script =
      '[ -x /image/bin/busybox ] && ' +
      '{ touch /image/new || echo -n read-only > /dev/termination-log; }';
    await createPod(e2e, 'image-volume', {
      restartPolicy: 'Never',
      containers: [
        aScript('app', script, {
          volumeMounts: [
            { name: 'ledger', mountPath: '/ledger' },
            { name: 'image', mountPath: '/image' },
          ],
        }),
      ],
      volumes: [{ name: 'image', image }],
    });
    const pod = await e2e.waitForPod('image-volume', 'to end', hasPhase('Succeeded'));
    expect(statusOf(pod, 'app')?.state?.terminated?.message).toBe('read-only');
  });

  it("reports a missing image as it reports a container's missing image", async () => {
    const image = { reference: 'nodeagent.test/absent:1', pullPolicy: 'Never' };
    const volumeMounts = [{ name: 'image', mountPath: '/image' }];
    await createPod(e2e, 'no-image-volume', {
      containers: [aScript('app', 'true', { volumeMounts })],
      volumes: [{ name: 'image', image }],
    });
    const pod = await e2e.waitForPod('no-image-volume', 'to miss its image', (seen) => {
      return statusOf(seen, 'app')?.state?.waiting?.reason === 'ErrImageNeverPull';
    });
    expect(statusOf(pod, 'app')?.state?.waiting?.message).toContain('nodeagent.test/absent:1');
  });
});

interface Summary {
  readonly pods: readonly {
    readonly podRef: { readonly uid: string };
    readonly containers: readonly {
      readonly cpu?: { readonly usageCoreNanoSeconds?: number };
      readonly memory?: { readonly workingSetBytes?: number };
    }[];
  }[];
}
