import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  CSI_NODES,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type Pod,
  VOLUME_ATTACHMENTS,
} from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { DRIVER, forever, plain, podOf, textOf, useStorageNode } from '../support/storage-node.js';

const node = useStorageNode();

describe('a driver', () => {
  it('is announced to the cluster when it comes, and withdrawn when it goes', async () => {
    await node.startDriver();
    const { metadata } = await node.api.get(NODES, { name: 'node-1' }, forever);
    expect(metadata?.annotations).toEqual({
      'csi.volume.kubernetes.io/nodeid': `{"${DRIVER}":"node-1"}`,
    });
    expect(metadata?.labels).toEqual({ [`${DRIVER}/node`]: 'node-1' });
    const found = await node.api.get(CSI_NODES, { name: 'node-1' }, forever);
    expect(found.spec.drivers).toEqual([
      {
        name: DRIVER,
        nodeID: 'node-1',
        topologyKeys: [`${DRIVER}/node`],
        allocatable: { count: 7 },
      },
    ]);
    expect(found.metadata?.ownerReferences?.[0]).toMatchObject({ kind: 'Node', name: 'node-1' });
    await node.stopDriver();
    await expect
      .poll(async () => (await node.api.get(CSI_NODES, { name: 'node-1' }, forever)).spec.drivers)
      .toEqual([]);
    const after = await node.api.get(NODES, { name: 'node-1' }, forever);
    expect(after.metadata?.annotations?.['csi.volume.kubernetes.io/nodeid']).toBeUndefined();
    expect(after.metadata?.labels).toEqual({ [`${DRIVER}/node`]: 'node-1' });
  });

  it('is refused with the reason, and tried again', async () => {
    const label = async (value: string): Promise<void> => {
      const body = { metadata: { labels: { [`${DRIVER}/node`]: value } } };
      await node.api.patch(NODES, { name: 'node-1' }, { type: 'merge', body }, forever);
    };
    await label('elsewhere');
    const started = node.startDriver();
    await expect
      .poll(() => node.verdicts.at(-1)?.error)
      .toContain('detected topology value collision');
    await label('node-1');
    await started;
  });
});

describe('a claimed volume', () => {
  it('is mounted, keeps its data, and leaves nothing behind', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    const handle = await node.aBoundClaim('c');
    const path = await node.mount(podOf('u1', 'c'));
    expect(path).toBe(join(node.rootDir, 'pods/u1/volumes/kubernetes.io~csi/pv-c/mount'));
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
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
    expect(await readdir(join(node.rootDir, 'plugins/kubernetes.io/csi', DRIVER))).toEqual([]);
    const again = await node.mount(podOf('u2', 'c'));
    expect(await readFile(join(again, 'file'), 'utf8')).toBe('hello');
    await node.unmount('u2');
  });

  it('is staged once for two pods, and unstaged with the last', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c');
    const [a, b] = await Promise.all([node.mount(podOf('u1', 'c')), node.mount(podOf('u2', 'c'))]);
    await writeFile(join(a, 'file'), 'hello');
    expect(await readFile(join(b, 'file'), 'utf8')).toBe('hello');
    await node.unmount('u1');
    expect(await readFile(join(b, 'file'), 'utf8')).toBe('hello');
    expect(await node.mounts()).toHaveLength(2);
    await node.unmount('u2');
    expect(await node.mounts()).toEqual([]);
  });

  it('is found and taken down by the next kubelet', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c');
    await writeFile(join(await node.mount(podOf('u1', 'c')), 'file'), 'hello');
    await node.stopKubelet();
    await node.startKubelet();
    await expect.poll(() => node.verdicts.length).toBe(2);
    const again = await node.mount(podOf('u1', 'c'));
    expect(await readFile(join(again, 'file'), 'utf8')).toBe('hello');
    expect(await node.mounts()).toHaveLength(2);
    await node.stopKubelet();
    await node.startKubelet();
    await expect.poll(() => node.verdicts.length).toBe(3);
    await node.unmount('u1'); // without another look at the pod
    expect(await node.mounts()).toEqual([]);
  });

  it('stays mounted, and its pod on disk, while its driver is away', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c');
    await writeFile(join(await node.mount(podOf('u1', 'c')), 'file'), 'hello');
    await node.stopDriver();
    await expect
      .poll(() =>
        node.unmount('u1').then(
          () => 'gone',
          (error: unknown) => String(error),
        ),
      )
      .toContain(`driver name ${DRIVER} not found`);
    expect(await node.mounts()).toHaveLength(2);
    await node.startDriver();
    await expect.poll(() => textOf(node.unmount('u1')), { timeout: 10_000 }).toBe('');
    expect(await node.mounts()).toEqual([]);
  });

  it('is published read-only where the pod asks for that', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c');
    const pod = podOf('u1', 'c', {
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'c', readOnly: true } }],
    });
    const path = await node.mount(pod);
    await expect(writeFile(join(path, 'file'), '')).rejects.toMatchObject({ code: 'EROFS' });
    expect(node.storage.volumes.placeOf('u1', 'data')?.readOnly).toBe(true);
    await node.unmount('u1');
  });

  it('is given to the group of the pod where its driver says so', async () => {
    await node.driverObject({ ...plain, fsGroupPolicy: 'File' });
    await node.startDriver();
    await node.aBoundClaim('c');
    const path = await node.mount(podOf('u1', 'c', { securityContext: { fsGroup: 4321 } }));
    expect((await stat(path)).gid).toBe(4321);
    expect((await stat(path)).mode & 0o2070).toBe(0o2070);
    await node.unmount('u1');
  });

  it('gets the secrets of its stages, and info about its pod', async () => {
    await node.driverObject({ ...plain, podInfoOnMount: true });
    const seen: object[] = [];
    await node.startDriver((driver) => ({
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
    const handle = await node.aBoundClaim('other');
    const csi = {
      driver: DRIVER,
      volumeHandle: handle,
      volumeAttributes: { a: 'b' },
      nodeStageSecretRef: { namespace: 'ns', name: 'stage' },
      nodePublishSecretRef: { namespace: 'ns', name: 'publish' },
    };
    await node.aBoundClaim('c', { spec: { csi } });
    const text = (value: string): string => Buffer.from(value).toString('base64');
    node.secrets = { stage: { data: { k: text('one') } } };
    await expect(node.mount(podOf('u1', 'c'))).rejects.toThrow(
      'fetching NodePublishSecretRef ns/publish failed',
    );
    node.secrets = { ...node.secrets, publish: { data: { k: text('two') } } };
    const pod = podOf('u1', 'c', { serviceAccountName: 'sa' });
    await expect.poll(() => textOf(node.mount(pod))).toBe('');
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
    await node.unmount('u1');
  });

  it.each([
    ['the context', false],
    ['the secrets', true],
  ])('gets tokens in %s of each publication, repeated for fresh ones', async (_, inSecrets) => {
    await node.driverObject({
      ...plain,
      requiresRepublish: true,
      tokenRequests: [{ audience: 'vault' }],
      ...(inSecrets && { serviceAccountTokenInSecrets: true }),
    });
    const seen: (string | undefined)[] = [];
    const KEY = 'csi.storage.k8s.io/serviceAccount.tokens';
    await node.startDriver((driver) => ({
      ...driver,
      node: {
        ...driver.node!,
        publish: async (request, signal) => {
          seen.push((inSecrets ? request.secrets : request.volumeContext)[KEY]);
          return driver.node!.publish(request, signal);
        },
        published: async () => undefined,
      },
    }));
    await node.aBoundClaim('c');
    await node.mount(podOf('u1', 'c'));
    await node.mount(podOf('u1', 'c'));
    const token = (count: number): string =>
      `{"vault":{"token":"pod-u1/vault/${count}","expirationTimestamp":"2026-01-01T00:00:00Z"}}`;
    expect(seen).toEqual([token(1), token(2)]);
    await node.unmount('u1');
  });

  it('gives its group to the processes of its pods, while it is mounted', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c');
    const body = { metadata: { annotations: { 'pv.beta.kubernetes.io/gid': '5000' } } };
    const patch = { type: 'merge', body } as const;
    await node.api.patch(PERSISTENT_VOLUMES, { name: 'pv-c' }, patch, forever);
    expect(node.storage.volumes.groupsOf('u1')).toEqual([]);
    await node.mount(podOf('u1', 'c'));
    expect(node.storage.volumes.groupsOf('u1')).toEqual([5000]);
    await node.unmount('u1');
    expect(node.storage.volumes.groupsOf('u1')).toEqual([]);
  });

  it('for one pod is refused to another', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c', { spec: { accessModes: ['ReadWriteOncePod'] } });
    await node.mount(podOf('u1', 'c'));
    await expect(node.mount(podOf('u2', 'c'))).rejects.toThrow(
      'volume uses the ReadWriteOncePod access mode and is already in use by another pod',
    );
    await node.unmount('u1');
    await node.mount(podOf('u2', 'c'));
    await node.unmount('u2');
  });

  it('waits until it is in use for the Node and attached', async () => {
    let staged = 0;
    let inUseAtUnstage: readonly string[] | undefined;
    // no CSIDriver: volumes have to be attached
    await node.startDriver((driver) => ({
      ...driver,
      node: {
        ...driver.node!,
        stage: async (request, signal) => {
          staged += 1;
          return driver.node!.stage!(request, signal);
        },
        unstage: async (request, signal) => {
          inUseAtUnstage = node.storage.volumesInUse();
          return driver.node!.unstage!(request, signal);
        },
      },
    }));
    const handle = await node.aBoundClaim('c');
    const pod = podOf('u1', 'c');
    await expect(node.mount(pod)).rejects.toMatchObject({ code: 'VOLUME_PENDING' });
    const name = `kubernetes.io/csi/${DRIVER}^${handle}`;
    expect(node.storage.volumesInUse()).toEqual([name]);
    node.inUse = [name];
    await expect(node.mount(pod)).rejects.toThrow('is not attached');
    const hash = createHash('sha256').update(`${handle}${DRIVER}node-1`).digest('hex');
    await node.api.create(
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
    const notYet = 'Volume not attached according to node status';
    await expect(node.mount(pod)).rejects.toMatchObject({ code: 'VOLUME_PENDING' });
    await node.showAttached('another');
    await expect(node.mount(pod)).rejects.toThrow(notYet);
    expect(staged).toBe(0);
    await node.showAttached('another', handle);
    await node.mount(pod);
    expect(staged).toBe(1);
    await node.stopKubelet();
    await node.startKubelet();
    await expect.poll(() => node.storage.volumesInUse()).toEqual([name]);
    await expect.poll(() => node.verdicts.length).toBe(2);
    await node.unmount('u1');
    expect(inUseAtUnstage).toEqual([name]);
    expect(node.storage.volumesInUse()).toEqual([]);
  });

  it.each([
    [
      'is not bound',
      { status: { phase: 'Pending' } },
      'error processing PVC ns/c: PVC is not bound',
    ],
    ['names another volume', { spec: { volumeName: 'pv-none' } }, 'failed to fetch PV pv-none'],
  ])('whose claim %s is not mounted', async (_, change, message) => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c');
    const name = { namespace: 'ns', name: 'c' };
    const { status } = change as { status?: object };
    await node.api.patch(
      PERSISTENT_VOLUME_CLAIMS,
      name,
      { type: 'merge', body: change, ...(status && { subresource: 'status' }) },
      forever,
    );
    await expect(node.mount(podOf('u1', 'c'))).rejects.toThrow(message);
    expect(await node.mounts()).toEqual([]);
  });

  it('whose claim goes is not mounted', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c');
    const name = { namespace: 'ns', name: 'c' };
    const body = { metadata: { finalizers: ['example.com/keep'] } };
    await node.api.patch(PERSISTENT_VOLUME_CLAIMS, name, { type: 'merge', body }, forever);
    await node.api.delete(PERSISTENT_VOLUME_CLAIMS, name, {}, forever);
    await expect(node.mount(podOf('u1', 'c'))).rejects.toThrow('PVC is being deleted');
  });

  it('of a driver that is not there is not mounted', async () => {
    await node.driverObject(plain);
    await node.aBoundClaim('c');
    await expect(node.mount(podOf('u1', 'c'))).rejects.toThrow(`driver name ${DRIVER} not found`);
    await node.unmount('u1');
  });

  it('leaves nothing when the driver refuses it', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    const csi = { driver: DRIVER, volumeHandle: 'no-such-volume' };
    await node.aBoundClaim('c', { spec: { csi } });
    await expect(node.mount(podOf('u1', 'c'))).rejects.toThrow('rpc error: code = NotFound');
    await node.unmount('u1');
    expect(await readdir(join(node.rootDir, 'plugins/kubernetes.io/csi', DRIVER))).toEqual([]);
  });
});

describe('a volume that the pod declares', () => {
  const inline = (uid: string): Pod =>
    podOf(uid, '', { volumes: [{ name: 'data', csi: { driver: DRIVER } }] });

  it('lives as long as the pod', async () => {
    const volumeLifecycleModes = ['Ephemeral'];
    await node.driverObject({ ...plain, podInfoOnMount: true, volumeLifecycleModes });
    await node.startDriver();
    const path = await node.mount(inline('u1'));
    await writeFile(join(path, 'file'), 'hello');
    await node.unmount('u1');
    expect(await readdir(join(node.dir, 'state'))).toEqual([]);
  });

  it('is refused where the driver does not take such volumes', async () => {
    await node.startDriver();
    await expect(node.mount(inline('u1'))).rejects.toThrow(
      `volume mode "Ephemeral" not supported by driver ${DRIVER} (no CSIDriver object)`,
    );
  });
});

it('a volume of the host by a claim is used in its place', async () => {
  const path = join(node.dir, 'on-host');
  await mkdir(path);
  const spec = { csi: undefined, hostPath: { path, type: 'Directory' } };
  await node.aBoundClaim('c', { spec });
  expect(await node.mount(podOf('u1', 'c'))).toBe(path);
});

it.each([
  ['iscsi', 'logs in to no iSCSI target'],
  ['flexVolume', 'runs no FlexVolume programs'],
  ['storageos', 'storageos volumes are not supported'],
])('a claim of a volume of kind %s is refused in words', async (kind, message) => {
  await node.aBoundClaim('c', { spec: { csi: undefined, [kind]: {} } });
  await expect(node.mount(podOf('u1', 'c'))).rejects.toThrow(message);
});
