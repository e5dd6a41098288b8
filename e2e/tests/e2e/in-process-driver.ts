import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Driver } from '@nodeagent/csi';
import { createHostPathDriver } from '@nodeagent/csi/hostpath';
import { serveDriver } from '@nodeagent/csi/server';
import {
  CSI_DRIVERS,
  CSI_NODES,
  isKubeError,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
} from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll } from 'vitest';

import type { Fixture } from './fixture.ts';

const never = new AbortController().signal;

/** The host-path driver in the process of the test, which can end it in the middle of a call. */
export interface InProcessDriver {
  /** The cluster's objects have this name for this run only: the API server may be anybody's. */
  readonly name: string;
  stateDir(): string;
  /** Resolves once the driver is registered. */
  start(): Promise<void>;
  /** @param graceMs for calls under way; 0 cuts them off, as the end of a process does */
  stop(graceMs?: number): Promise<void>;
  /** A claim and its volume, bound to each other as a provisioner and the binder leave them. */
  aClaim(
    name: string,
    parameters?: Record<string, string>,
    options?: Readonly<{ bytes?: number; block?: boolean }>,
  ): Promise<void>;
}

/**
 * Call it at the top of a test file.
 *
 * @param change what is served in place of the driver
 */
export function useInProcessDriver(
  e2e: Fixture,
  label: string,
  change: (driver: Driver) => Driver = (driver) => driver,
): InProcessDriver {
  const name = `${label}-${process.pid}.csi.example.com`;
  const registry = (): string => join(e2e.cluster.space.dir, 'kubelet/root/plugins_registry');
  let stop: InProcessDriver['stop'] = async () => undefined;

  const isAnnounced = async (): Promise<boolean> => {
    const node = { name: e2e.cluster.nodeName };
    const found = await e2e.client.get(CSI_NODES, node, never).catch((error: unknown) => {
      if (isKubeError(error, 'KUBE_NOT_FOUND')) return undefined;
      throw error;
    });
    const drivers = found?.spec.drivers as readonly { readonly name: string }[] | undefined;
    return drivers?.some((one) => one.name === name) === true;
  };
  const open = (): Promise<Driver> => {
    const nodeId = e2e.cluster.nodeName;
    return createHostPathDriver({ stateDir: driver.stateDir(), nodeId, name });
  };

  const driver: InProcessDriver = {
    name,
    stateDir: () => join(e2e.cluster.space.dir, 'csi'),
    start: async () => {
      const server = await serveDriver(change(await open()), {
        socketPath: join(e2e.cluster.space.dir, 'csi.sock'),
        registration: { socketPath: join(registry(), `${label}-reg.sock`) },
      });
      stop = (graceMs = 1000) => server.close(graceMs);
      await waitFor(isAnnounced, { what: 'the driver to be registered' });
    },
    stop: (graceMs) => stop(graceMs),
    aClaim: async (claimName, parameters = {}, { bytes = 16 << 20, block = false } = {}) => {
      const { client, namespace } = e2e;
      const { controller } = await open();
      const made = await controller?.create?.(
        {
          name: `${namespace}-${claimName}`,
          capacityRange: { requiredBytes: bytes, limitBytes: 0 },
          volumeCapabilities: [
            {
              access: block
                ? { kind: 'block', value: {} }
                : { kind: 'mount', value: { fsType: '', mountFlags: [], volumeMountGroup: '' } },
              accessMode: { mode: 'single-node-writer' },
            },
          ],
          parameters,
          secrets: {},
          volumeContentSource: undefined,
          accessibilityRequirements: undefined,
          mutableParameters: {},
        },
        never,
      );
      const pv = `${namespace}-${claimName}`;
      const storage = String(bytes);
      const volumeMode = block ? 'Block' : 'Filesystem';
      const accessModes = ['ReadWriteOnce'];
      const spec = { accessModes, storageClassName: '', volumeMode };
      const resources = { requests: { storage } };
      const at = { namespace, name: claimName };
      const claim = await client.create(
        PERSISTENT_VOLUME_CLAIMS,
        { metadata: at, spec: { ...spec, volumeName: pv, resources } },
        never,
      );
      await client.create(
        PERSISTENT_VOLUMES,
        {
          metadata: { name: pv },
          spec: {
            ...spec,
            capacity: { storage },
            persistentVolumeReclaimPolicy: 'Retain',
            claimRef: { ...at, uid: claim.metadata?.uid ?? '' },
            csi: { driver: name, volumeHandle: made?.volumeId ?? '' },
          },
        },
        never,
      );
      const body = { status: { phase: 'Bound', accessModes, capacity: { storage } } };
      const patch = { type: 'merge', subresource: 'status', body } as const;
      await client.patch(PERSISTENT_VOLUME_CLAIMS, at, patch, never);
    },
  };

  beforeAll(async () => {
    const spec = {
      attachRequired: false,
      podInfoOnMount: true,
      fsGroupPolicy: 'File',
      volumeLifecycleModes: ['Persistent', 'Ephemeral'],
    };
    await e2e.client.create(CSI_DRIVERS, { metadata: { name }, spec }, never);
    await waitFor(() => readdir(registry()).then(() => true), {
      what: 'the directory of plug-ins',
    });
    await driver.start();
  });
  afterAll(async () => {
    await stop();
    await e2e.client.delete(CSI_DRIVERS, { name }, {}, never);
  });
  return driver;
}
