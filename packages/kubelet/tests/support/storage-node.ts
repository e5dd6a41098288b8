import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { type Driver } from '@nodeagent/csi';
import { createCsiClient } from '@nodeagent/csi/client';
import { createHostPathDriver } from '@nodeagent/csi/hostpath';
import { serveDriver } from '@nodeagent/csi/server';
import {
  CSI_DRIVERS,
  type CsiDriver,
  type EventNote,
  type Node,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type Pod,
  type Secret,
  VOLUME_ATTACHMENTS,
} from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, beforeEach, expect } from 'vitest';

import { createLoopDevices } from '../../src/disks/adapters/loop-devices.js';
import { createStorageCommands } from '../../src/disks/adapters/storage-commands.js';
import { createStorageFiles } from '../../src/disks/adapters/storage-files.js';
import { toPodUid } from '../../src/pod/index.js';
import { createPluginSockets } from '../../src/storage/adapters/plugin-sockets.js';
import { openStorage, type Storage, type StorageOptions } from '../../src/storage/run/index.js';
import { createMounter } from '../../src/volumes/adapters/mounter.js';
import { createVolumeFiles } from '../../src/volumes/adapters/volume-files.js';
import { serveUnkindly, type Unkind, type UnkindDriver } from './unkind-driver.js';

export const DRIVER = 'hostpath.csi.nodeagent.dev';
export const forever = new AbortController().signal;
export const plain = { attachRequired: false } as const;

/** How a claim and its volume differ from a directory of 1 MiB. */
export interface ClaimChange {
  readonly block?: boolean;
  /** Parameters of the driver's storage class. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly bytes?: number;
  /** Fields of the PersistentVolume's spec. */
  readonly spec?: object;
  readonly claim?: object;
}

export interface StorageNode {
  readonly dir: string;
  readonly rootDir: string;
  readonly api: MemoryKubeClient;
  readonly log: MemoryLogger;
  readonly metrics: MemoryMetrics;
  readonly storage: Storage;
  /** Verdicts that the driver heard since it was started. */
  readonly verdicts: readonly { readonly pluginRegistered: boolean; readonly error: string }[];
  /** Events of pods: `Reason: message`. */
  readonly events: readonly string[];
  /** Events of other objects. */
  readonly recorded: readonly EventNote[];
  /** The volumes that the Node's status reports in use. */
  inUse: readonly string[];
  secrets: Readonly<Record<string, Secret>>;
  startKubelet(): Promise<void>;
  stopKubelet(): Promise<void>;
  /** @param endpoint the socket of its services, if it is another one */
  startDriver(change?: (driver: Driver) => Driver, endpoint?: string): Promise<void>;
  /**
   * The same driver, whose node service may answer anything.
   *
   * @param info how it answers when it is registered, which must be refused then
   */
  startUnkindDriver(info?: Unkind): Promise<UnkindDriver>;
  stopDriver(): Promise<void>;
  /** A claim that is bound to a volume which the driver has. @returns the volume's handle */
  aBoundClaim(name: string, change?: ClaimChange): Promise<string>;
  /** The same, attached to the node and in use for it. @returns the volume's handle */
  anAttachedClaim(name: string): Promise<string>;
  /** The volumes that the Node's status has as attached: these, by their handles. */
  showAttached(...handles: readonly string[]): Promise<void>;
  driverObject(spec: CsiDriver['spec']): Promise<CsiDriver>;
  /** @returns the path that containers get */
  mount(pod: Pod): Promise<string>;
  unmount(uid: string): Promise<void>;
  /** Mount points below the root directory. */
  mounts(): Promise<readonly string[]>;
}

/**
 * A node's storage on this machine, with an API in memory and the host-path driver.
 *
 * @param driverTimeoutMs limit of each call to a driver
 */
export function useStorageNode(
  change: Partial<StorageOptions> = {},
  driverTimeoutMs?: number,
): StorageNode {
  const mounter = createMounter();
  const clock = createSystemClock();
  const none = async (): Promise<void> => undefined;
  let stopKubelet = none;
  let stopDriver = none;
  let [dir, rootDir] = ['', ''];
  let api: MemoryKubeClient;
  let log: MemoryLogger;
  let storage: Storage;
  const events: string[] = [];
  const recorded: EventNote[] = [];
  let metrics = new MemoryMetrics();
  let tokenCount = 0;
  let watched: Node = {};
  let verdicts: { readonly pluginRegistered: boolean; readonly error: string }[] = [];
  const driverOf = (): Promise<Driver> =>
    createHostPathDriver({ stateDir: join(dir, 'state'), nodeId: 'node-1', maxVolumes: 7 });

  const serve = async (driver: Driver, endpoint: string | undefined): Promise<void> => {
    verdicts = [];
    const server = await serveDriver(driver, {
      socketPath: join(dir, 'csi.sock'),
      registration: {
        socketPath: join(rootDir, 'plugins_registry/hostpath-reg.sock'),
        endpoint,
        onStatus: (status) => void verdicts.push(status),
      },
    });
    stopDriver = () => server.close(100);
  };

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'storage-'));
    rootDir = join(dir, 'kubelet');
    api = createMemoryKubeClient({ clock });
    await api.create(NODES, { metadata: { name: 'node-1' } }, forever);
    log = new MemoryLogger();
    verdicts = [];
    events.length = 0;
    recorded.length = 0;
    metrics = new MemoryMetrics();
    tokenCount = 0;
    [node.inUse, node.secrets, stopDriver] = [[], {}, none];
    await node.startKubelet();
  });
  afterEach(async () => {
    await stopKubelet();
    await stopDriver();
    for (const { path } of [...(await mounter.list())].reverse()) {
      if (path.startsWith(dir)) await mounter.unmount(path, forever);
    }
    await rm(dir, { recursive: true });
  });

  const node: StorageNode = {
    inUse: [],
    secrets: {},
    get dir() {
      return dir;
    },
    get rootDir() {
      return rootDir;
    },
    get api() {
      return api;
    },
    get log() {
      return log;
    },
    get storage() {
      return storage;
    },
    get metrics() {
      return metrics;
    },
    get events() {
      return events;
    },
    get recorded() {
      return recorded;
    },
    get verdicts() {
      return verdicts;
    },
    startKubelet: async () => {
      watched = await api.get(NODES, { name: 'node-1' }, forever);
      storage = openStorage({
        ...{ rootDir, nodeName: 'node-1', client: api, standalone: false, mounter, clock, log },
        node: {
          registered: (): Node => ({
            ...watched,
            status: { ...watched.status, volumesInUse: [...node.inUse] },
          }),
          known: none,
          report: () => undefined,
        },
        onAttached: () => undefined,
        objects: { secret: async (_, name) => node.secrets[name] },
        sockets: {
          ...createPluginSockets(join(rootDir, 'plugins_registry')),
          openDriver: (socketPath) => createCsiClient({ socketPath, timeoutMs: driverTimeoutMs }),
        },
        files: createStorageFiles(),
        loops: createLoopDevices(),
        commands: createStorageCommands(),
        tokens: {
          dated: async (pod, { audience }) => {
            tokenCount += 1;
            const name = `${pod.metadata?.name}/${audience ?? ''}/${tokenCount}`;
            return { token: name, expiresAtMs: Date.UTC(2026, 0, 1) };
          },
        },
        events: {
          normal: (_, reason, message) => void events.push(`${reason}: ${message}`),
          warning: (_, reason, message) => void events.push(`${reason}: ${message}`),
        },
        recorder: { record: (note) => void recorded.push(note) },
        metrics,
        fileSystem: async (path) => {
          const { bsize, blocks, bavail, bfree, files, ffree } = await statfs(path);
          return {
            capacityBytes: blocks * bsize,
            availableBytes: bavail * bsize,
            usedBytes: (blocks - bfree) * bsize,
            inodes: files,
            inodesFree: ffree,
          };
        },
        asksHealth: true,
        selinux: { policy: undefined, everyMode: false },
        volumeFiles: createVolumeFiles(),
        ...change,
      });
      const stop = new AbortController();
      const tasks = storage.tasks.map((task) => task(stop.signal));
      stopKubelet = async () => {
        stop.abort();
        await Promise.allSettled(tasks);
      };
      await mkdir(join(rootDir, 'plugins_registry'), { recursive: true });
    },
    stopKubelet: () => stopKubelet(),
    startDriver: async (with_ = (driver) => driver, endpoint) => {
      await serve(with_(await driverOf()), endpoint);
      await expect.poll(() => verdicts.at(-1)?.pluginRegistered).toBe(true);
    },
    startUnkindDriver: async (info) => {
      const endpoint = join(dir, 'unkind.sock');
      const unkind = await serveUnkindly(await driverOf(), endpoint);
      if (info !== undefined) unkind.unkind.set('getInfo', info);
      await serve(await driverOf(), endpoint);
      const patient = { timeout: 10_000 };
      await expect.poll(() => verdicts.at(-1)?.pluginRegistered, patient).toBe(info === undefined);
      const stopKind = stopDriver;
      stopDriver = async () => {
        await stopKind();
        await unkind.close();
      };
      return unkind;
    },
    stopDriver: () => stopDriver(),
    aBoundClaim: async (name, { block, parameters = {}, bytes = 1 << 20, spec, claim } = {}) => {
      const { controller } = await driverOf();
      const volume = await controller?.create?.(
        {
          name,
          capacityRange: { requiredBytes: bytes, limitBytes: 0 },
          volumeCapabilities: [
            {
              access:
                block === true
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
        forever,
      );
      const volumeHandle = volume?.volumeId ?? '';
      const storageOf = { storage: String(bytes) };
      const made = await api.create(
        PERSISTENT_VOLUME_CLAIMS,
        {
          metadata: { name, namespace: 'ns' },
          spec: {
            volumeName: `pv-${name}`,
            accessModes: ['ReadWriteOnce'],
            resources: { requests: storageOf },
          },
          status: { phase: 'Bound', capacity: storageOf },
          ...claim,
        },
        forever,
      );
      const { uid } = made.metadata ?? {};
      await api.create(
        PERSISTENT_VOLUMES,
        {
          metadata: { name: `pv-${name}` },
          spec: {
            accessModes: ['ReadWriteOnce'],
            capacity: storageOf,
            claimRef: { name, namespace: 'ns', ...(uid !== undefined && { uid }) },
            csi: { driver: DRIVER, volumeHandle },
            ...(block === true && { volumeMode: 'Block' }),
            ...spec,
          },
        },
        forever,
      );
      return volumeHandle;
    },
    anAttachedClaim: async (name) => {
      const handle = await node.aBoundClaim(name);
      node.inUse = [...node.inUse, `kubernetes.io/csi/${DRIVER}^${handle}`];
      const hash = createHash('sha256').update(`${handle}${DRIVER}node-1`).digest('hex');
      const source = { persistentVolumeName: `pv-${name}` };
      await api.create(
        VOLUME_ATTACHMENTS,
        {
          metadata: { name: `csi-${hash}` },
          spec: { attacher: DRIVER, nodeName: 'node-1', source },
          status: { attached: true },
        },
        forever,
      );
      await node.showAttached(handle);
      return handle;
    },
    showAttached: async (...handles) => {
      const volumesAttached = handles.map((handle) => {
        return { name: `kubernetes.io/csi/${DRIVER}^${handle}`, devicePath: '' };
      });
      const body = { status: { volumesAttached } };
      const patch = { type: 'merge', body, subresource: 'status' } as const;
      watched = await api.patch(NODES, { name: 'node-1' }, patch, forever);
    },
    driverObject: (spec) => api.create(CSI_DRIVERS, { metadata: { name: DRIVER }, spec }, forever),
    mount: async (pod) => {
      const [volume] = pod.spec?.volumes ?? [];
      expect(await storage.volumes.prepare(pod, volume!, forever)).toBe(true);
      const uid = pod.metadata?.uid ?? '';
      const place = storage.volumes.placeOf(uid, volume!.name);
      return (place ?? storage.volumes.deviceOf(uid, volume!.name))?.hostPath ?? '';
    },
    unmount: (uid) => storage.volumes.teardown(toPodUid(uid), forever),
    mounts: async () =>
      (await mounter.list()).map(({ path }) => path).filter((path) => path.startsWith(rootDir)),
  };
  return node;
}

/** The text of the failure; empty for a success. */
export function textOf(work: Promise<unknown>): Promise<string> {
  return work.then(() => '', String);
}

export function podOf(
  uid: string,
  claimName: string,
  more: Partial<NonNullable<Pod['spec']>> = {},
): Pod {
  return {
    metadata: { name: `pod-${uid}`, namespace: 'ns', uid },
    spec: {
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
      containers: [{ name: 'c', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
      ...more,
    },
  };
}

/** A pod that has the volume of its claim as a device. */
export function devicePodOf(uid: string, claimName: string): Pod {
  return podOf(uid, claimName, {
    containers: [{ name: 'c', volumeDevices: [{ name: 'data', devicePath: '/dev/data' }] }],
  });
}
