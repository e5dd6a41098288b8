import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

import { createCgroupReadings } from '@nodeagent/cgroups/linux';
import { isKubeError, type KubeClient, NODES, type Pod, PODS } from '@nodeagent/kube-client';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { type Cluster, startCluster, waitFor } from '@nodeagent/testbed';

const MIB = 2 ** 20;
/** Distance of the threshold from what is in use before the node starts, which itself needs some. */
const ROOM_BYTES = 2048 * MIB;
const LIMIT = '4Gi';
const LOOK_MS = 2;
/** Kubernetes' kubelet measures its node this often. @see pkg/kubelet/eviction, monitoringInterval */
const POLL_MS = 10_000;
/** Takes 32 MiB at a time: a dd that cannot write keeps its buffer. */
const FLOOD = 'while :; do dd if=/dev/zero bs=32M 2>/dev/null | sleep 1000 & sleep 0.05; done';
const never = new AbortController().signal;
const readings = createCgroupReadings({ nowMs: Date.now });

/** The figure of `memory.available`. */
async function availableBytes(): Promise<number> {
  return totalmem() - ((await readings.workingSetBytes('/')) ?? Number.NaN);
}

/**
 * Measures the time from the moment in which a flood of memory crosses a threshold of this machine to the
 * decision to evict its pod, beside that of a kubelet that only measures every ten seconds. The flood
 * ends at 4 GiB.
 */
export async function benchFlood(rounds: number): Promise<void> {
  const threshold = (await availableBytes()) - ROOM_BYTES;
  const cluster = await startCluster({
    name: 'bench-flood',
    images: ['busybox'],
    kubeletConfig: {
      clusterDNS: ['10.96.0.10'],
      logging: { format: 'json' },
      evictionHard: { 'memory.available': String(Math.round(threshold)) },
      evictionPressureTransitionPeriod: '1s',
    },
  });
  const client = createKubeClient(await loadKubeconfig({ path: cluster.kubeconfig }));
  try {
    for (let round = 0; round < rounds; round += 1) {
      await floodOnce(cluster, client, `flood-${round}`, threshold);
    }
  } finally {
    client.close();
    await cluster.stop();
  }
}

async function floodOnce(
  cluster: Cluster,
  client: KubeClient,
  name: string,
  threshold: number,
): Promise<void> {
  await waitFor(() => isWithoutPressure(client, cluster.nodeName), {
    what: 'a node in good health',
  });
  await client.create(PODS, aFlood(name, cluster.nodeName), never);
  const crossed = await firstBelow(threshold);
  const decidedMs = await waitFor(() => decisionMs(cluster.kubelet.logFile, name), {
    ...{ what: `${name} to be evicted`, everyMs: 20 },
  });
  const lateMs = decidedMs - crossed.atMs;
  const lost = (ms: number): string => `${((crossed.bytesPerMs * ms) / MIB).toFixed(0)} MiB`;
  console.log(
    `${name}: evicted ${lateMs.toFixed(0)} ms after it crossed the threshold, with ${lost(lateMs)} more in use at its speed; ` +
      `by a measurement every ten seconds, ${POLL_MS / 2} ms and ${lost(POLL_MS / 2)} on average, ${POLL_MS} ms and ${lost(POLL_MS)} at worst`,
  );
  const pod = { namespace: 'default', name };
  await client.delete(PODS, pod, { gracePeriodSeconds: 0 }, never);
  const isGone = () =>
    client.get(PODS, pod, never).then(
      () => false,
      (error: unknown) => isKubeError(error, 'KUBE_NOT_FOUND'),
    );
  await waitFor(isGone, { what: `${name} to be gone` });
}

/** @returns the time of the crossing, and the speed of the last second before it */
async function firstBelow(
  threshold: number,
): Promise<Readonly<{ atMs: number; bytesPerMs: number }>> {
  const seen: { atMs: number; bytes: number }[] = [];
  for (;;) {
    const now = { atMs: Date.now(), bytes: await availableBytes() };
    seen.push(now);
    const before = seen.findLast(({ atMs }) => atMs <= now.atMs - 1000);
    if (now.bytes < threshold && before !== undefined) {
      return {
        atMs: now.atMs,
        bytesPerMs: (before.bytes - now.bytes) / (now.atMs - before.atMs),
      };
    }
    await delay(LOOK_MS);
  }
}

/** Time stamps of the log are milliseconds since the Unix epoch. */
async function decisionMs(logFile: string, name: string): Promise<number | undefined> {
  const lines = (await readFile(logFile, 'utf8')).split('\n');
  const line = lines.find((each) => each.includes('"evicting a pod"') && each.includes(name));
  return line === undefined ? undefined : (JSON.parse(line) as { ts: number }).ts;
}

async function isWithoutPressure(client: KubeClient, nodeName: string): Promise<boolean> {
  const { status } = await client.get(NODES, { name: nodeName }, never);
  const conditions = new Map(status?.conditions?.map((each) => [each.type, each.status]));
  return conditions.get('Ready') === 'True' && conditions.get('MemoryPressure') === 'False';
}

function aFlood(name: string, nodeName: string): Pod {
  const limits = { memory: LIMIT };
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'main',
          image: 'nodeagent.test/busybox:1',
          command: ['sh', '-c', FLOOD],
          resources: { limits, requests: { memory: '1Mi' } },
        },
      ],
    },
  };
}
