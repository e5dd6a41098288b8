import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger } from '@nodeagent/base/testing';
import { type Driver } from '@nodeagent/csi';
import { createHostPathDriver } from '@nodeagent/csi/hostpath';
import { serveDriver } from '@nodeagent/csi/server';
import {
  CSI_DRIVERS,
  CSI_NODES,
  type CsiDriver,
  type Node,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type Pod,
  type Secret,
  VOLUME_ATTACHMENTS,
} from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { toPodUid } from '../../src/pod/index.js';
import { createPluginSockets } from '../../src/storage/adapters/plugin-sockets.js';
import { createStorageFiles } from '../../src/storage/adapters/storage-files.js';
import { openStorage, type Storage } from '../../src/storage/run/index.js';
import { createMounter } from '../../src/volumes/adapters/mounter.js';
import { createVolumeFiles } from '../../src/volumes/adapters/volume-files.js';

const DRIVER = 'hostpath.csi.nodeagent.dev';
const forever = new AbortController().signal;
const mounter = createMounter();
const clock = createSystemClock();

let dir: string;
let rootDir: string;
let api: MemoryKubeClient;
let log: MemoryLogger;
let storage: Storage;
let stopKubelet: () => Promise<void>;
let stopDriver: () => Promise<void>;
let verdicts: { readonly pluginRegistered: boolean; readonly error: string }[];
let inUse: readonly string[];
let secrets: Readonly<Record<string, Secret>>;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'storage-'));
  rootDir = join(dir, 'kubelet');
  api = createMemoryKubeClient({ clock });
  await api.create(NODES, { metadata: { name: 'node-1' } }, forever);
  log = new MemoryLogger();
  verdicts = [];
  inUse = [];
  secrets = {};
  await startKubelet();
});
afterEach(async () => {
  await stopKubelet();
  await stopDriver();
  for (const { path } of [...(await mounter.list())].reverse()) {
    if (path.startsWith(dir)) await mounter.unmount(path, forever);
  }
  await rm(dir, { recursive: true });
});
stopDriver = async () => {};

async function startKubelet(): Promise<void> {
  const node = await api.get(NODES, { name: 'node-1' }, forever);
  storage = openStorage({
    rootDir,
    nodeName: 'node-1',
    client: api,
    standalone: false,
    node: {
      registered: (): Node => ({ ...node, status: { ...node.status, volumesInUse: [...inUse] } }),
      known: async () => undefined,
    },
    objects: { secret: async (_, name) => secrets[name] },
    sockets: createPluginSockets(join(rootDir, 'plugins_registry')),
    files: createStorageFiles(),
    volumeFiles: createVolumeFiles(),
    mounter,
    clock,
    log,
  });
  const stop = new AbortController();
  const tasks = storage.tasks.map((task) => task(stop.signal));
  stopKubelet = async () => {
    stop.abort();
    await Promise.allSettled(tasks);
  };
  await mkdir(join(rootDir, 'plugins_registry'), { recursive: true });
}

async function startDriver(change: (driver: Driver) => Driver = (driver) => driver): Promise<void> {
  verdicts = [];
  const stateDir = join(dir, 'state');
  const driver = await createHostPathDriver({ stateDir, nodeId: 'node-1', maxVolumes: 7 });
  const server = await serveDriver(change(driver), {
    socketPath: join(dir, 'csi.sock'),
    registration: {
      socketPath: join(rootDir, 'plugins_registry/hostpath-reg.sock'),
      onStatus: (status) => void verdicts.push(status),
    },
  });
  stopDriver = () => server.close(100);
  await expect.poll(() => verdicts.at(-1)?.pluginRegistered).toBe(true);
}

/** A claim that is bound to a volume which the driver has. */
async function aBoundClaim(name: string, change: object = {}): Promise<string> {
  const stateDir = join(dir, 'state');
  const { controller } = await createHostPathDriver({ stateDir, nodeId: 'node-1' });
  const volume = await controller?.create?.(
    {
      name,
      capacityRange: { requiredBytes: 1 << 20, limitBytes: 0 },
      volumeCapabilities: [
        {
          access: { kind: 'mount', value: { fsType: '', mountFlags: [], volumeMountGroup: '' } },
          accessMode: { mode: 'single-node-writer' },
        },
      ],
      parameters: {},
      secrets: {},
      volumeContentSource: undefined,
      accessibilityRequirements: undefined,
      mutableParameters: {},
    },
    forever,
  );
  const volumeHandle = volume?.volumeId ?? '';
  const claim = await api.create(
    PERSISTENT_VOLUME_CLAIMS,
    {
      metadata: { name, namespace: 'ns' },
      spec: { volumeName: `pv-${name}`, accessModes: ['ReadWriteOnce'] },
      status: { phase: 'Bound' },
    },
    forever,
  );
  await api.create(
    PERSISTENT_VOLUMES,
    {
      metadata: { name: `pv-${name}` },
      spec: {
        accessModes: ['ReadWriteOnce'],
        claimRef: { name, namespace: 'ns', ...uidOf(claim) },
        csi: { driver: DRIVER, volumeHandle },
        ...change,
      },
    },
    forever,
  );
  return volumeHandle;
}

function uidOf({ metadata }: { readonly metadata?: { readonly uid?: string } }): { uid?: string } {
  return metadata?.uid === undefined ? {} : { uid: metadata.uid };
}

function driverObject(spec: CsiDriver['spec']): Promise<CsiDriver> {
  return api.create(CSI_DRIVERS, { metadata: { name: DRIVER }, spec }, forever);
}

function podOf(uid: string, claimName: string, more: Partial<NonNullable<Pod['spec']>> = {}): Pod {
  return {
    metadata: { name: `pod-${uid}`, namespace: 'ns', uid },
    spec: {
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
      containers: [{ name: 'c', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
      ...more,
    },
  };
}

async function mount(pod: Pod): Promise<string> {
  const [volume] = pod.spec?.volumes ?? [];
  expect(await storage.volumes.prepare(pod, volume!, forever)).toBe(true);
  return storage.volumes.placeOf(pod.metadata?.uid ?? '', volume!.name)?.hostPath ?? '';
}

const unmount = (uid: string): Promise<void> => storage.volumes.teardown(toPodUid(uid), forever);

async function mountsHere(): Promise<readonly string[]> {
  return (await mounter.list()).map(({ path }) => path).filter((path) => path.startsWith(rootDir));
}

const plain = { attachRequired: false } as const;

describe('a driver', () => {
  it('is announced to the cluster when it comes, and withdrawn when it goes', async () => {
    await startDriver();
    const { metadata } = await api.get(NODES, { name: 'node-1' }, forever);
    expect(metadata?.annotations).toEqual({
      'csi.volume.kubernetes.io/nodeid': `{"${DRIVER}":"node-1"}`,
    });
    expect(metadata?.labels).toEqual({ [`${DRIVER}/node`]: 'node-1' });
    const found = await api.get(CSI_NODES, { name: 'node-1' }, forever);
    expect(found.spec.drivers).toEqual([
      {
        name: DRIVER,
        nodeID: 'node-1',
        topologyKeys: [`${DRIVER}/node`],
        allocatable: { count: 7 },
      },
    ]);
    expect(found.metadata?.ownerReferences?.[0]).toMatchObject({ kind: 'Node', name: 'node-1' });
    await stopDriver();
    await expect
      .poll(async () => (await api.get(CSI_NODES, { name: 'node-1' }, forever)).spec.drivers)
      .toEqual([]);
    const after = await api.get(NODES, { name: 'node-1' }, forever);
    expect(after.metadata?.annotations?.['csi.volume.kubernetes.io/nodeid']).toBeUndefined();
    expect(after.metadata?.labels).toEqual({ [`${DRIVER}/node`]: 'node-1' });
  });

  it('is refused with the reason, and tried again', async () => {
    const label = async (value: string): Promise<void> => {
      const body = { metadata: { labels: { [`${DRIVER}/node`]: value } } };
      await api.patch(NODES, { name: 'node-1' }, { type: 'merge', body }, forever);
    };
    await label('elsewhere');
    const started = startDriver();
    await expect.poll(() => verdicts.at(-1)?.error).toContain('detected topology value collision');
    await label('node-1');
    await started;
  });
});

describe('a claimed volume', () => {
  it('is mounted, keeps its data, and leaves nothing behind', async () => {
    await driverObject(plain);
    await startDriver();
    const handle = await aBoundClaim('c');
    const path = await mount(podOf('u1', 'c'));
    expect(path).toBe(join(rootDir, 'pods/u1/volumes/kubernetes.io~csi/pv-c/mount'));
    await writeFile(join(path, 'file'), 'hello');
    const data = JSON.parse(await readFile(join(path, '../vol_data.json'), 'utf8')) as object;
    expect(data).toEqual({
      attachmentID: expect.stringMatching(/^csi-[0-9a-f]{64}$/) as string,
      driverName: DRIVER,
      nodeName: 'node-1',
      specVolID: 'pv-c',
      volumeHandle: handle,
      volumeLifecycleMode: 'Persistent',
    });
    await unmount('u1');
    expect(await mountsHere()).toEqual([]);
    expect(await readdir(join(rootDir, 'plugins/kubernetes.io/csi', DRIVER))).toEqual([]);
    const again = await mount(podOf('u2', 'c'));
    expect(await readFile(join(again, 'file'), 'utf8')).toBe('hello');
    await unmount('u2');
  });

  it('is staged once for two pods, and unstaged with the last', async () => {
    await driverObject(plain);
    await startDriver();
    await aBoundClaim('c');
    const [a, b] = await Promise.all([mount(podOf('u1', 'c')), mount(podOf('u2', 'c'))]);
    await writeFile(join(a, 'file'), 'hello');
    expect(await readFile(join(b, 'file'), 'utf8')).toBe('hello');
    await unmount('u1');
    expect(await readFile(join(b, 'file'), 'utf8')).toBe('hello');
    expect(await mountsHere()).toHaveLength(2);
    await unmount('u2');
    expect(await mountsHere()).toEqual([]);
  });

  it('is found and taken down by the next kubelet', async () => {
    await driverObject(plain);
    await startDriver();
    await aBoundClaim('c');
    await writeFile(join(await mount(podOf('u1', 'c')), 'file'), 'hello');
    await stopKubelet();
    await startKubelet();
    await expect.poll(() => verdicts.length).toBe(2);
    const again = await mount(podOf('u1', 'c'));
    expect(await readFile(join(again, 'file'), 'utf8')).toBe('hello');
    expect(await mountsHere()).toHaveLength(2);
    await stopKubelet();
    await startKubelet();
    await expect.poll(() => verdicts.length).toBe(3);
    await unmount('u1'); // without another look at the pod
    expect(await mountsHere()).toEqual([]);
  });

  it('stays mounted, and its pod on disk, while its driver is away', async () => {
    await driverObject(plain);
    await startDriver();
    await aBoundClaim('c');
    await writeFile(join(await mount(podOf('u1', 'c')), 'file'), 'hello');
    await stopDriver();
    await expect
      .poll(() =>
        unmount('u1').then(
          () => 'gone',
          (error: Error) => error.message,
        ),
      )
      .toContain(`driver name ${DRIVER} not found`);
    expect(await mountsHere()).toHaveLength(2);
    await startDriver();
    await unmount('u1');
    expect(await mountsHere()).toEqual([]);
  });

  it('is published read-only where the pod asks for that', async () => {
    await driverObject(plain);
    await startDriver();
    await aBoundClaim('c');
    const pod = podOf('u1', 'c', {
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'c', readOnly: true } }],
    });
    const path = await mount(pod);
    await expect(writeFile(join(path, 'file'), '')).rejects.toMatchObject({ code: 'EROFS' });
    expect(storage.volumes.placeOf('u1', 'data')?.readOnly).toBe(true);
    await unmount('u1');
  });

  it('is given to the group of the pod where its driver says so', async () => {
    await driverObject({ ...plain, fsGroupPolicy: 'File' });
    await startDriver();
    await aBoundClaim('c');
    const path = await mount(podOf('u1', 'c', { securityContext: { fsGroup: 4321 } }));
    expect((await stat(path)).gid).toBe(4321);
    expect((await stat(path)).mode & 0o2070).toBe(0o2070);
    await unmount('u1');
  });

  it('gets the secrets of its stages, and info about its pod', async () => {
    await driverObject({ ...plain, podInfoOnMount: true });
    const seen: object[] = [];
    await startDriver((driver) => ({
      ...driver,
      node: {
        ...driver.node!,
        stage: async (request, signal) => {
          seen.push(request.secrets);
          return driver.node!.stage!(request, signal);
        },
        publish: async (request, signal) => {
          seen.push(request.secrets, request.volumeContext);
          return driver.node!.publish(request, signal);
        },
      },
    }));
    const handle = await aBoundClaim('other');
    await aBoundClaim('c', {
      csi: {
        driver: DRIVER,
        volumeHandle: handle,
        volumeAttributes: { a: 'b' },
        nodeStageSecretRef: { namespace: 'ns', name: 'stage' },
        nodePublishSecretRef: { namespace: 'ns', name: 'publish' },
      },
    });
    const text = (value: string): string => Buffer.from(value).toString('base64');
    secrets = { stage: { data: { k: text('one') } } };
    await expect(mount(podOf('u1', 'c'))).rejects.toThrow(
      'fetching NodePublishSecretRef ns/publish failed',
    );
    secrets = { ...secrets, publish: { data: { k: text('two') } } };
    await mount(podOf('u1', 'c', { serviceAccountName: 'sa' }));
    expect(seen).toEqual([
      { k: 'one' },
      { k: 'two' },
      {
        a: 'b',
        'csi.storage.k8s.io/pod.name': 'pod-u1',
        'csi.storage.k8s.io/pod.namespace': 'ns',
        'csi.storage.k8s.io/pod.uid': 'u1',
        'csi.storage.k8s.io/serviceAccount.name': 'sa',
        'csi.storage.k8s.io/ephemeral': 'false',
      },
    ]);
    await unmount('u1');
  });

  it('waits until it is in use for the Node and attached', async () => {
    await startDriver(); // no CSIDriver: volumes have to be attached
    const handle = await aBoundClaim('c');
    const pod = podOf('u1', 'c');
    await expect(mount(pod)).rejects.toMatchObject({ code: 'VOLUME_PENDING' });
    const name = `kubernetes.io/csi/${DRIVER}^${handle}`;
    expect(storage.volumesInUse()).toEqual([name]);
    inUse = [name];
    await expect(mount(pod)).rejects.toThrow('is not attached');
    const hash = createHash('sha256').update(`${handle}${DRIVER}node-1`).digest('hex');
    await api.create(
      VOLUME_ATTACHMENTS,
      {
        metadata: { name: `csi-${hash}` },
        spec: {
          attacher: DRIVER,
          nodeName: 'node-1',
          source: { persistentVolumeName: 'pv-c' },
        },
        status: { attached: true },
      },
      forever,
    );
    await mount(pod);
    await stopKubelet();
    await startKubelet();
    await expect.poll(() => storage.volumesInUse()).toEqual([name]);
    await expect.poll(() => verdicts.length).toBe(2);
    await unmount('u1');
    expect(storage.volumesInUse()).toEqual([]);
  });

  it.each([
    [
      'is not bound',
      { status: { phase: 'Pending' } },
      'error processing PVC ns/c: PVC is not bound',
    ],
    ['names another volume', { spec: { volumeName: 'pv-none' } }, 'failed to fetch PV pv-none'],
  ])('whose claim %s is not mounted', async (_, change, message) => {
    await driverObject(plain);
    await startDriver();
    await aBoundClaim('c');
    const name = { namespace: 'ns', name: 'c' };
    const { status } = change as { status?: object };
    await api.patch(
      PERSISTENT_VOLUME_CLAIMS,
      name,
      { type: 'merge', body: change, ...(status && { subresource: 'status' }) },
      forever,
    );
    await expect(mount(podOf('u1', 'c'))).rejects.toThrow(message);
    expect(await mountsHere()).toEqual([]);
  });

  it('whose claim goes is not mounted', async () => {
    await driverObject(plain);
    await startDriver();
    await aBoundClaim('c');
    const name = { namespace: 'ns', name: 'c' };
    const body = { metadata: { finalizers: ['example.com/keep'] } };
    await api.patch(PERSISTENT_VOLUME_CLAIMS, name, { type: 'merge', body }, forever);
    await api.delete(PERSISTENT_VOLUME_CLAIMS, name, {}, forever);
    await expect(mount(podOf('u1', 'c'))).rejects.toThrow('PVC is being deleted');
  });

  it('of a driver that is not there is not mounted', async () => {
    await driverObject(plain);
    await aBoundClaim('c');
    await expect(mount(podOf('u1', 'c'))).rejects.toThrow(`driver name ${DRIVER} not found`);
    await unmount('u1');
  });

  it('leaves nothing when the driver refuses it', async () => {
    await driverObject(plain);
    await startDriver();
    await aBoundClaim('c', { csi: { driver: DRIVER, volumeHandle: 'no-such-volume' } });
    await expect(mount(podOf('u1', 'c'))).rejects.toMatchObject({ code: 'CSI_NOT_FOUND' });
    await unmount('u1');
    expect(await readdir(join(rootDir, 'plugins/kubernetes.io/csi', DRIVER))).toEqual([]);
  });
});

describe('a volume that the pod declares', () => {
  const inline = (uid: string): Pod =>
    podOf(uid, '', { volumes: [{ name: 'data', csi: { driver: DRIVER } }] });

  it('lives as long as the pod', async () => {
    const volumeLifecycleModes = ['Ephemeral'];
    await driverObject({ ...plain, podInfoOnMount: true, volumeLifecycleModes });
    await startDriver();
    const path = await mount(inline('u1'));
    await writeFile(join(path, 'file'), 'hello');
    await unmount('u1');
    expect(await readdir(join(dir, 'state'))).toEqual([]);
  });

  it('is refused where the driver does not take such volumes', async () => {
    await startDriver();
    await expect(mount(inline('u1'))).rejects.toThrow(
      `volume mode "Ephemeral" not supported by driver ${DRIVER} (no CSIDriver object)`,
    );
  });
});

it('a volume of the host by a claim is used in its place', async () => {
  const path = join(dir, 'on-host');
  await mkdir(path);
  await aBoundClaim('c', { csi: undefined, hostPath: { path, type: 'Directory' } });
  expect(await mount(podOf('u1', 'c'))).toBe(path);
});

it('a claim of another kind of volume is refused by name', async () => {
  await aBoundClaim('c', { csi: undefined, nfs: { server: 's', path: '/' } });
  await expect(mount(podOf('u1', 'c'))).rejects.toThrow(
    'PersistentVolume pv-c: nfs volumes are not supported',
  );
});
