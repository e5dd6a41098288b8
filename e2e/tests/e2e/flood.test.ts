import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';

import { createCriClient } from '@nodeagent/cri-client/grpc';
import { isKubeError, NODES, type Pod, PODS } from '@nodeagent/kube-client';
import { buildImage, runCommand, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { oomKillsIn } from './cgroups.ts';
import { findLeaks } from './chaos/leaks.ts';
import { useCluster } from './fixture.ts';
import { type Flood, floodPod, FLOODS, GOOD_PODS } from './flood/floods.ts';
import { mountSmallDisk } from './flood/small-disk.ts';
import { eventsOf, isGone } from './pods.ts';

/** `NODEAGENT_FLOOD_SECONDS` repeats the floods for so long, and prints figures. */
const { NODEAGENT_FLOOD_SECONDS: LONG } = process.env;
const SECONDS = Number(LONG ?? 0);
const ROOT = resolve(import.meta.dirname, '../../..');
const SETTLE_MS = 180_000;
const MIB = 2 ** 20;
const IMAGES = ['flood-a', 'flood-b', 'flood-c'].map((name) => `nodeagent.test/${name}:1`);

/** All pods together: floods end in this limit at the latest, far from the machine's own memory. */
const PODS_BYTES = 640 * MIB;
/** Processes of the machine beside the floods that do not yet cause pressure. */
const OTHER_PROCESSES = 800;

const e2e = useCluster(
  {
    systemReserved: { memory: `${Math.floor((totalmem() - PODS_BYTES) / MIB)}Mi` },
    evictionHard: {
      'memory.available': '128Mi',
      'nodefs.available': '40%',
      'nodefs.inodesFree': '30%',
      'imagefs.available': '40%',
      'imagefs.inodesFree': '30%',
      'pid.available': String((await freeProcesses()) - OTHER_PROCESSES),
    },
    evictionPressureTransitionPeriod: '5s',
    volumeStatsAggPeriod: '1s',
    imageMinimumGCAge: '1us', // from the first look at an image
    containerLogMaxSize: '1Gi',
    podPidsLimit: 4000,
  },
  { prepare: (space) => mountSmallDisk(space, { bytes: 256 * MIB, inodes: 4096 }) },
);
const never = new AbortController().signal;
let cri: ReturnType<typeof createCriClient>;
const figures: string[] = [];
beforeAll(() => {
  cri = createCriClient({ endpoint: e2e.cluster.containerd.endpoint });
});
afterAll(() => {
  cri.close();
  if (LONG !== undefined) console.log(figures.join('\n'));
});

it(
  'floods of every kind, alone and together, end without harm to other pods',
  { timeout: SECONDS * 1000 + 12 * SETTLE_MS },
  async () => {
    const { kubelet, proxy, containerd } = e2e.cluster;
    const programs = () => [kubelet.pid, proxy.pid, containerd.pid];
    const pids = programs();
    for (const name of Object.keys(GOOD_PODS)) await createGood(name);
    const before = await goodPods();
    const endMs = performance.now() + SECONDS * 1000;
    try {
      for (let round = 0; round === 0 || performance.now() < endMs; round += 1) {
        for (const flood of FLOODS) await floodAlone(flood, `${flood.kind}-${round}`);
        await floodOfImages();
        await allFloods(round);
        expect(await goodPods()).toEqual(before);
      }
    } catch (cause) {
      throw new Error(`${String(cause)}\n${await evictionLog()}`, { cause });
    }
    e2e.cluster.assertRunning();
    expect(programs()).toEqual(pids);
    await removeAll(Object.keys(GOOD_PODS));
    await waitFor(async () => (await findLeaks(e2e.cluster, cri.runtime, never)).length === 0, {
      ...{ what: 'nothing of the pods to be left', timeoutMs: SETTLE_MS },
    });
  },
);

async function evictionLog(): Promise<string> {
  const lines = (await readFile(e2e.cluster.kubelet.logFile, 'utf8')).split('\n');
  return lines.filter((line) => /logger="(eviction|images|containers)|^[WE]/.test(line)).join('\n');
}

it('the running node explains who would be evicted', async () => {
  await createGood('serves');
  const { nodeName, kubeconfig } = e2e.cluster;
  const argv = ['explain-eviction', `--node=${nodeName}`, `--kubeconfig=${kubeconfig}`];
  const text = await runCommand([join(ROOT, 'dist/bin/kubelet'), ...argv]);
  expect(text).toMatch(
    /allocatableMemory\.available \(hard\): \S+ available, at least 128Mi wanted: ok/,
  );
  expect(text).toMatch(new RegExp(`1\\. ${e2e.namespace}/serves: it uses \\S+ and requests 64Mi`));
  await removeAll(['serves']);
});

/** One kind: the node is under its pressure, the pod is evicted for it, and the node recovers. */
async function floodAlone(flood: Flood, name: string): Promise<void> {
  const startedMs = performance.now();
  await create(floodPod(flood, name), name);
  await untilCondition(flood.condition, 'True');
  const { status } = await e2e.waitForPod(name, 'to be evicted', isFailed, SETTLE_MS);
  figures.push(`${name}: evicted after ${seconds(startedMs)} s`);
  expect(status?.reason).toBe('Evicted');
  expect(status?.message).toContain(`The node was low on resource: ${flood.resource}. `);
  await removeAll([name]);
  await untilCondition(flood.condition, 'False');
  figures.push(`${name}: recovered after ${seconds(startedMs)} s`);
}

/** Images that no pod uses go before any pod has to. */
async function floodOfImages(): Promise<void> {
  const startedMs = performance.now();
  await importImages();
  await untilCondition('DiskPressure', 'True');
  await waitFor(async () => !(await imageNames()).some((name) => IMAGES.includes(name)), {
    ...{ what: 'unused images to be removed', timeoutMs: SETTLE_MS },
  });
  await untilCondition('DiskPressure', 'False');
  figures.push(`images: recovered after ${seconds(startedMs)} s`);
}

/** The import may find the disk full, as a pull would. */
async function importWhatFits(): Promise<void> {
  await importImages().catch((error: unknown) => {
    if (!String(error).includes('no space left on device')) throw error;
  });
}

async function allFloods(round: number): Promise<void> {
  const startedMs = performance.now();
  const names = FLOODS.map(({ kind }) => `all-${kind}-${round}`);
  for (const [at, flood] of FLOODS.entries())
    await create(floodPod(flood, names[at] ?? ''), names[at] ?? '');
  await importWhatFits();
  for (const name of names) {
    const { status } = await e2e.waitForPod(name, 'to be evicted', isFailed, SETTLE_MS);
    expect(status?.reason).toBe('Evicted');
  }
  figures.push(`all at once, round ${round}: evicted after ${seconds(startedMs)} s`);
  await removeAll(names);
  for (const condition of ['MemoryPressure', 'DiskPressure', 'PIDPressure']) {
    await untilCondition(condition, 'False');
  }
  figures.push(`all at once, round ${round}: recovered after ${seconds(startedMs)} s`);
}

async function importImages(): Promise<void> {
  for (const [at, name] of IMAGES.entries()) {
    const content = Buffer.alloc(24 * MIB, at + 1);
    const files = [{ path: '/content', content }];
    const { file } = await buildImage({ name, files, entrypoint: [] });
    await e2e.cluster.containerd.ctr('images', 'import', file);
  }
}

async function imageNames(): Promise<readonly string[]> {
  const images = await cri.images.listImages({}, never);
  return images.flatMap(({ repoTags }) => repoTags);
}

/** Everything about the good pods that must stay as it is. */
async function goodPods(): Promise<unknown> {
  return Promise.all(
    Object.keys(GOOD_PODS).map(async (name) => {
      const pod = await e2e.getPod(name);
      const { phase, conditions = [], containerStatuses = [] } = pod.status ?? {};
      const events = await eventsOf(e2e, name);
      return {
        ...{ name, phase },
        conditions: conditions.map(({ type, status, lastTransitionTime }) =>
          [type, status, lastTransitionTime].join(' '),
        ),
        containers: containerStatuses.map(({ containerID, ready, restartCount }) => ({
          ...{ containerID, ready, restartCount },
        })),
        probes: events.filter(({ reason }) => reason === 'Unhealthy').map(({ count }) => count),
        kills: await oomKillsIn(e2e.cluster, pod),
      };
    }),
  );
}

async function createGood(name: string): Promise<void> {
  await create(GOOD_PODS[name] ?? {}, name);
  await e2e.waitForPod(name, 'to be ready', ({ status }) =>
    (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True'),
  );
}

async function create({ metadata, spec }: Pod, name: string): Promise<void> {
  const { namespace } = e2e;
  const pod = {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { ...metadata, name, namespace },
    spec: { containers: [], ...spec, nodeName: e2e.cluster.nodeName },
  };
  await e2e.client.create(PODS, pod, never);
}

async function removeAll(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const named = { namespace: e2e.namespace, name };
    await e2e.client
      .delete(PODS, named, { gracePeriodSeconds: 0 }, never)
      .catch((error: unknown) => {
        if (!isKubeError(error, 'KUBE_NOT_FOUND')) throw error;
      });
  }
  for (const name of names) {
    await waitFor(() => isGone(e2e, name), { what: `${name} to be gone`, timeoutMs: SETTLE_MS });
  }
}

function isFailed({ status }: Pod): boolean {
  return status?.phase === 'Failed';
}

async function untilCondition(type: string, status: 'True' | 'False'): Promise<void> {
  const look = async () => {
    e2e.cluster.assertRunning();
    const node = await e2e.client.get(NODES, { name: e2e.cluster.nodeName }, never);
    return node.status?.conditions?.find((each) => each.type === type)?.status === status;
  };
  await waitFor(look, { what: `${type} ${status}`, timeoutMs: SETTLE_MS });
}

/** Counts the processes that this machine could run besides. */
async function freeProcesses(): Promise<number> {
  const [, , , counts = ''] = (await readFile('/proc/loadavg', 'utf8')).split(' ');
  const [most = 0, threads = 0] = await Promise.all(
    ['pid_max', 'threads-max'].map(async (name) =>
      Number(await readFile(`/proc/sys/kernel/${name}`, 'utf8')),
    ),
  );
  return Math.min(most, threads) - Number(counts.split('/')[1]);
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(1);
}
