import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { createCsiClient, type CsiClient } from '@nodeagent/csi/client';
import { createHostPathDriver } from '@nodeagent/csi/hostpath';
import { serveDriver } from '@nodeagent/csi/server';
import {
  CSI_DRIVERS,
  CSI_NODES,
  type KubeClient,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
} from '@nodeagent/kube-client';
import { type Cluster, waitFor } from '@nodeagent/testbed';

import type { BarePods } from './bare-pods.ts';
import type { KubePods } from './kube-pods.ts';
import { cpuMs, rssMib } from './memory.ts';
import { type Batch, timed } from './stats.ts';

const DRIVER = 'hostpath.bench.example.com';
const NAMESPACE = 'default';
const IDLE_MS = 60_000;
const never = new AbortController().signal;

const CAPABILITY = {
  access: { kind: 'mount', value: { fsType: '', mountFlags: [], volumeMountGroup: '' } },
  accessMode: { mode: 'single-node-writer' },
} as const;

export interface VolumeParts {
  readonly cluster: Cluster;
  readonly client: KubeClient;
  readonly bare: BarePods;
  readonly pods: KubePods;
  readonly report: (what: string, ours: Batch, bare: Batch) => void;
  readonly singleCount: number;
  readonly manyCount: number;
}

/**
 * Pods with one CSI volume each, as a ratio to the calls that any kubelet must make: the driver's
 * capabilities, staging and publication, then the runtime's three. The driver binds directories, so
 * its own work is two mounts.
 */
export async function benchVolumes(parts: VolumeParts): Promise<void> {
  const { cluster, client, bare, pods, report, singleCount, manyCount } = parts;
  const dir = join(cluster.space.dir, 'volumes');
  const stateDir = join(dir, 'state');
  const driver = await createHostPathDriver({ stateDir, nodeId: cluster.nodeName, name: DRIVER });
  const socketPath = join(dir, 'csi.sock');
  const registry = join(cluster.space.dir, 'kubelet/root/plugins_registry');
  const server = await serveDriver(driver, {
    socketPath,
    registration: { socketPath: join(registry, 'bench-reg.sock') },
  });
  const csi = createCsiClient({ socketPath });
  try {
    const spec = { attachRequired: false };
    await client.create(CSI_DRIVERS, { metadata: { name: DRIVER }, spec }, never);
    await waitFor(
      async () => {
        const found = await client.get(CSI_NODES, { name: cluster.nodeName }, never);
        return found.spec.drivers.some(({ name }) => name === DRIVER);
      },
      { what: 'the driver to be registered' },
    );
    const volumes: string[] = [];
    for (let i = 0; i < Math.max(singleCount, manyCount); i += 1) {
      volumes.push(await aVolume(client, csi, `volume-${i}`));
    }
    const single = { bare: [] as number[], ours: [] as number[] };
    for (let i = 0; i < singleCount; i += 1) {
      const volumeId = volumes[i] ?? '';
      const paths = { staging: join(dir, `stage-${i}`), target: join(dir, `publish-${i}`) };
      const one = await timed(
        [
          async () => {
            await mountBare(csi, volumeId, paths);
            await bare.start(`volume-${i}`, paths.target);
          },
        ],
        1,
      );
      await bare.removeAll();
      await unmountBare(csi, volumeId, paths);
      const claimed = { name: `volume-${i}`, claim: `volume-${i}` };
      const other = await timed([() => pods.start(claimed.name, claimed.claim)], 1);
      await pods.removeAll();
      single.bare.push(...one.eachMs);
      single.ours.push(...other.eachMs);
    }
    const batchOf = (eachMs: readonly number[]): Batch => ({
      eachMs,
      totalMs: eachMs.reduce((sum, ms) => sum + ms, 0),
    });
    report('pod with a CSI volume → Running', batchOf(single.ours), batchOf(single.bare));
    const names = volumes.slice(0, manyCount).map((_, i) => `volume-${i}`);
    await timed(
      names.map((name) => () => pods.start(name, name)),
      10,
    );
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const { pid } = cluster.kubelet;
    const idleFrom = await cpuMs(pid);
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const idle = ((await cpuMs(pid)) - idleFrom) / IDLE_MS;
    console.log(
      `kubelet with ${names.length} mounted volumes: ${(await rssMib(pid)).toFixed(0)} MiB, idle CPU ${(idle * 100).toFixed(1)} % of a core`,
    );
    await pods.removeAll();
  } finally {
    csi.close();
    await server.close(1000);
    await client.delete(CSI_DRIVERS, { name: DRIVER }, {}, never);
  }
}

/** A claim and its volume, bound to each other. @returns the volume's handle */
async function aVolume(client: KubeClient, csi: CsiClient, name: string): Promise<string> {
  const bytes = 1 << 20;
  const { volume } = await csi.controller.createVolume(
    {
      name,
      capacityRange: { requiredBytes: bytes, limitBytes: 0 },
      volumeCapabilities: [CAPABILITY],
    },
    never,
  );
  const volumeHandle = volume?.volumeId ?? '';
  const storage = String(bytes);
  const accessModes = ['ReadWriteOnce'];
  const shared = { accessModes, storageClassName: '', volumeMode: 'Filesystem' };
  const resources = { requests: { storage } };
  const claim = await client.create(
    PERSISTENT_VOLUME_CLAIMS,
    {
      metadata: { namespace: NAMESPACE, name },
      spec: { ...shared, volumeName: name, resources },
    },
    never,
  );
  const uid = claim.metadata?.uid ?? '';
  await client.create(
    PERSISTENT_VOLUMES,
    {
      metadata: { name },
      spec: {
        ...shared,
        capacity: { storage },
        persistentVolumeReclaimPolicy: 'Retain',
        claimRef: { namespace: NAMESPACE, name, uid },
        csi: { driver: DRIVER, volumeHandle },
      },
    },
    never,
  );
  const body = { status: { phase: 'Bound', accessModes, capacity: { storage } } };
  const patch = { type: 'merge', subresource: 'status', body } as const;
  await client.patch(PERSISTENT_VOLUME_CLAIMS, { namespace: NAMESPACE, name }, patch, never);
  return volumeHandle;
}

interface BarePaths {
  readonly staging: string;
  readonly target: string;
}

async function mountBare(
  csi: CsiClient,
  volumeId: string,
  { staging, target }: BarePaths,
): Promise<void> {
  await csi.node.getCapabilities({}, never);
  await mkdir(staging, { recursive: true });
  const volumeCapability = CAPABILITY;
  const stage = { volumeId, stagingTargetPath: staging, volumeCapability };
  await csi.node.stageVolume(stage, never);
  await csi.node.publishVolume({ ...stage, targetPath: target }, never);
}

async function unmountBare(
  csi: CsiClient,
  volumeId: string,
  { staging, target }: BarePaths,
): Promise<void> {
  await csi.node.unpublishVolume({ volumeId, targetPath: target }, never);
  await csi.node.unstageVolume({ volumeId, stagingTargetPath: staging }, never);
  await rm(staging, { recursive: true });
}
