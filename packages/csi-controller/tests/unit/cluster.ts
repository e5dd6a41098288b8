import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import type { Driver } from '@nodeagent/csi';
import { connectInMemory } from '@nodeagent/csi/testing';
import {
  CSI_NODES,
  EVENTS,
  NODES,
  type PersistentVolume,
  type PersistentVolumeClaim,
  STORAGE_CLASSES,
  type StorageClass,
} from '@nodeagent/kube-client';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach } from 'vitest';

import { runCsiController } from '../../src/index.js';

export const DRIVER = 'memory.csi.example.com';
export const never = new AbortController().signal;

const stops: AbortController[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

/** A cluster in memory with a driver's controller, and one node that has the driver. */
export async function startCluster(driver: Driver, nodeName?: string) {
  const clock = new ManualClock();
  const client = createMemoryKubeClient({ clock });
  const log = new MemoryLogger();
  const stop = new AbortController();
  stops.push(stop);
  const key = `${DRIVER}/zone`;
  client.seed(NODES, { metadata: { name: 'n1', labels: { [key]: 'a' } } });
  client.seed(NODES, { metadata: { name: 'n2', labels: { [key]: 'b' } } });
  for (const [name, nodeID] of [
    ['n1', 'node-1'],
    ['n2', 'node-2'],
  ] as const) {
    const drivers = [{ name: DRIVER, nodeID, topologyKeys: [key] }];
    client.seed(CSI_NODES, { metadata: { name }, spec: { drivers } });
  }
  client.seed(STORAGE_CLASSES, aClass());
  const done = runCsiController(
    client,
    connectInMemory(driver),
    { clock, random: () => 0, log, metrics: new MemoryMetrics(), nodeName },
    stop.signal,
  );
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 60; turn += 1) await clock.advance(0);
  };
  await settle();
  const events = (): string[] =>
    client.objects(EVENTS).map(({ reason, message }) => `${reason}: ${message}`);
  return { clock, client, log, stop, done, settle, events };
}

export function aClass(more: Partial<StorageClass> = {}): StorageClass {
  return { metadata: { name: 'fast' }, provisioner: DRIVER, ...more };
}

/** A claim as the binder leaves it for the driver. */
export function aClaim(
  name: string,
  spec: Partial<PersistentVolumeClaim['spec']> = {},
  annotations: Readonly<Record<string, string>> = {},
): PersistentVolumeClaim {
  return {
    metadata: {
      namespace: 'a',
      name,
      annotations: { 'volume.kubernetes.io/storage-provisioner': DRIVER, ...annotations },
    },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      storageClassName: 'fast',
      volumeMode: 'Filesystem',
      ...spec,
    },
    status: { phase: 'Pending' },
  };
}

export function aVolume(name: string, more: Partial<PersistentVolume> = {}): PersistentVolume {
  return {
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': DRIVER } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      persistentVolumeReclaimPolicy: 'Delete',
      csi: { driver: DRIVER, volumeHandle: `volume-of-${name}` },
    },
    status: { phase: 'Bound' },
    ...more,
  };
}
