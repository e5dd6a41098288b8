import { CsiError } from '@nodeagent/csi';
import { createMemoryDriver } from '@nodeagent/csi/testing';
import {
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  SECRETS,
  STORAGE_CLASSES,
} from '@nodeagent/kube-client';
import { describe, expect, it, vi } from 'vitest';

import { attacherFinalizer } from '../../src/model/names.js';
import { aClaim, aClass, aVolume, DRIVER, never, startCluster } from './cluster.js';

const SELECTED = 'volume.kubernetes.io/selected-node';

describe('a claim of the driver’s class', () => {
  it('gets a volume, and the cluster an object with all that the driver says', async () => {
    const driver = createMemoryDriver();
    const { client, settle, events } = await startCluster(driver);
    const claim = await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('c'), never);
    await settle();
    const name = `pvc-${claim.metadata?.uid}`;
    expect([...driver.volumes.keys()]).toEqual([`volume-of-${name}`]);
    const [volume] = client.objects(PERSISTENT_VOLUMES);
    expect(volume?.metadata).toMatchObject({
      name,
      annotations: { 'pv.kubernetes.io/provisioned-by': DRIVER },
      finalizers: ['external-provisioner.volume.kubernetes.io/finalizer'],
    });
    expect(volume?.spec).toEqual({
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: 'a',
        name: 'c',
        uid: claim.metadata?.uid,
        resourceVersion: claim.metadata?.resourceVersion,
      },
      csi: { driver: DRIVER, volumeHandle: `volume-of-${name}`, volumeAttributes: { name } },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: 'fast',
      volumeMode: 'Filesystem',
    });
    expect(events()).toEqual([
      'Provisioning: External provisioner is provisioning volume for claim "a/c"',
      `ProvisioningSucceeded: Successfully provisioned volume ${name}`,
    ]);
  });

  it('is left alone until it is for the driver, and its pod has a node', async () => {
    const driver = createMemoryDriver();
    const { client, settle } = await startCluster(driver);
    const late = aClass({ metadata: { name: 'late' }, volumeBindingMode: 'WaitForFirstConsumer' });
    client.seed(STORAGE_CLASSES, late);
    const other = { 'volume.kubernetes.io/storage-provisioner': 'other.example.com' };
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('other', {}, other), never);
    const waiting = aClaim('late', { storageClassName: 'late' });
    await client.create(PERSISTENT_VOLUME_CLAIMS, waiting, never);
    await settle();
    expect(driver.volumes.size).toBe(0);
    const body = { metadata: { annotations: { [SELECTED]: 'n1' } } };
    const at = { namespace: 'a', name: 'late' };
    await client.patch(PERSISTENT_VOLUME_CLAIMS, at, { type: 'merge', body }, never);
    await settle();
    expect(driver.volumes.size).toBe(1);
  });

  it('is tried again after the driver failed', async () => {
    const driver = createMemoryDriver();
    driver.failNext('create', new CsiError('CSI_UNAVAILABLE', 'gone for lunch'));
    const { client, clock, settle, events } = await startCluster(driver);
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('c'), never);
    await settle();
    expect(driver.volumes.size).toBe(0);
    expect(events().join()).toContain('failed to provision volume with StorageClass "fast"');
    await clock.advance(1000);
    await settle();
    expect(client.objects(PERSISTENT_VOLUMES)).toHaveLength(1);
  });

  it('leaves no volume behind when it is deleted while the outcome is uncertain', async () => {
    const driver = createMemoryDriver();
    const { client, clock, settle } = await startCluster(driver);
    driver.failNext('create', new CsiError('CSI_DEADLINE', 'too slow'));
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('c'), never);
    await settle();
    await client.delete(PERSISTENT_VOLUME_CLAIMS, { namespace: 'a', name: 'c' }, {}, never);
    await clock.advance(1000);
    await settle();
    const [volume] = client.objects(PERSISTENT_VOLUMES);
    expect(volume?.spec?.claimRef?.name).toBe('c'); // the binder releases it, and it is deleted
  });

  it('is given back to the scheduler when the node has no room', async () => {
    const driver = createMemoryDriver({ capacityBytes: 1 });
    const { client, settle } = await startCluster(driver);
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('c', {}, { [SELECTED]: 'n1' }), never);
    await settle();
    const [claim] = client.objects(PERSISTENT_VOLUME_CLAIMS);
    expect(claim?.metadata?.annotations?.[SELECTED]).toBeUndefined();
  });

  it('with a data source is refused in clear words', async () => {
    const driver = createMemoryDriver();
    const { client, settle, events } = await startCluster(driver);
    const dataSource = { kind: 'PersistentVolumeClaim', name: 'other' };
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('c', { dataSource }), never);
    await settle();
    expect(driver.volumes.size).toBe(0);
    expect(events().at(-1)).toBe(
      'ProvisioningFailed: failed to provision volume with StorageClass "fast": spec.dataSource: volumes are made empty, without snapshots and clones',
    );
  });
});

describe('what the driver is asked', () => {
  it('names places, parameters, mount options and secrets of the class', async () => {
    const driver = createMemoryDriver();
    const create = vi.spyOn(driver.controller, 'create');
    const topological = {
      ...driver,
      controller: {
        ...driver.controller,
        accessibilityConstraints: true,
        create: (...given: Parameters<NonNullable<typeof driver.controller.create>>) =>
          driver.controller.create!(...given),
        findByName: async () => undefined,
      },
    };
    const { client, settle } = await startCluster(topological);
    client.seed(
      STORAGE_CLASSES,
      aClass({
        mountOptions: ['noatime'],
        parameters: {
          backing: 'image',
          'csi.storage.k8s.io/fstype': 'xfs',
          'csi.storage.k8s.io/provisioner-secret-name': 'key-of-${pvc.name}',
          'csi.storage.k8s.io/provisioner-secret-namespace': '${pvc.namespace}',
          'csi.storage.k8s.io/node-stage-secret-name': 'stage',
          'csi.storage.k8s.io/node-stage-secret-namespace': 'b',
        },
      }),
    );
    client.seed(SECRETS, {
      metadata: { namespace: 'a', name: 'key-of-c' },
      data: { token: 'aGk=' },
    });
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('c', {}, { [SELECTED]: 'n2' }), never);
    await settle();
    const [request] = create.mock.calls[0] ?? [];
    const [a, b] = ['a', 'b'].map((zone) => ({ segments: { [`${DRIVER}/zone`]: zone } }));
    expect(request).toMatchObject({
      capacityRange: { requiredBytes: 2 ** 30, limitBytes: 0 },
      parameters: { backing: 'image' },
      secrets: { token: 'hi' },
      accessibilityRequirements: { requisite: [b, a], preferred: [b, a] },
      volumeCapabilities: [
        {
          access: { kind: 'mount', value: { fsType: 'xfs', mountFlags: ['noatime'] } },
          accessMode: { mode: 'single-node-writer' },
        },
      ],
    });
    expect(client.objects(PERSISTENT_VOLUMES)[0]).toMatchObject({
      metadata: {
        annotations: { 'volume.kubernetes.io/provisioner-deletion-secret-name': 'key-of-c' },
      },
      spec: {
        csi: { fsType: 'xfs', nodeStageSecretRef: { name: 'stage', namespace: 'b' } },
        mountOptions: ['noatime'],
      },
    });
  });
});

describe('a controller for one node', () => {
  it('makes volumes for this node only, and takes claims that may be anywhere', async () => {
    const driver = createMemoryDriver();
    const { client, settle } = await startCluster(driver, 'n1');
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('there', {}, { [SELECTED]: 'n2' }), never);
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('any'), never);
    await settle();
    expect(client.objects(PERSISTENT_VOLUMES).map(({ spec }) => spec?.claimRef?.name)).toEqual([
      'any',
    ]);
    const claims = client.objects(PERSISTENT_VOLUME_CLAIMS);
    expect(claims.map(({ metadata }) => metadata?.annotations?.[SELECTED])).toEqual(['n2', 'n1']);
  });

  it('leaves volumes of other nodes alone', async () => {
    const driver = createMemoryDriver();
    const { client, settle } = await startCluster(driver, 'n1');
    const key = `${DRIVER}/zone`;
    const matchExpressions = [{ key, operator: 'In', values: ['b'] }];
    const nodeAffinity = { required: { nodeSelectorTerms: [{ matchExpressions }] } };
    const volume = aVolume('there', { status: { phase: 'Released' } });
    client.seed(PERSISTENT_VOLUMES, { ...volume, spec: { ...volume.spec, nodeAffinity } });
    await settle();
    expect(client.objects(PERSISTENT_VOLUMES)).toHaveLength(1);
  });
});

describe('a released volume', () => {
  const made = async (
    client: Awaited<ReturnType<typeof startCluster>>['client'],
    policy: string,
  ) => {
    client.seed(STORAGE_CLASSES, aClass({ reclaimPolicy: policy }));
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('c'), never);
  };
  const release = async (client: Awaited<ReturnType<typeof startCluster>>['client']) => {
    const [volume] = client.objects(PERSISTENT_VOLUMES);
    const body = { status: { phase: 'Released' } };
    const at = { name: volume?.metadata?.name ?? '' };
    await client.patch(
      PERSISTENT_VOLUMES,
      at,
      { type: 'merge', subresource: 'status', body },
      never,
    );
  };

  it('is deleted with its object', async () => {
    const driver = createMemoryDriver();
    const { client, settle } = await startCluster(driver);
    await made(client, 'Delete');
    await settle();
    await client.delete(PERSISTENT_VOLUME_CLAIMS, { namespace: 'a', name: 'c' }, {}, never);
    await release(client);
    await settle();
    expect(driver.volumes.size).toBe(0);
    expect(client.objects(PERSISTENT_VOLUMES)).toEqual([]);
  });

  it('is deleted with its object, though it was attached until a moment ago', async () => {
    const driver = createMemoryDriver();
    const { client, settle } = await startCluster(driver);
    const volume = aVolume('v');
    const finalizers = [
      'external-provisioner.volume.kubernetes.io/finalizer',
      attacherFinalizer(DRIVER),
    ];
    client.seed(PERSISTENT_VOLUMES, { ...volume, metadata: { ...volume.metadata, finalizers } });
    await settle();
    const body = { status: { phase: 'Released' } };
    const patch = { type: 'merge', body, subresource: 'status' } as const;
    await client.patch(PERSISTENT_VOLUMES, { name: 'v' }, patch, never);
    // the watch is faster than the answers to writes
    const write = client.patch.bind(client);
    vi.spyOn(client, 'patch').mockImplementation(async (...request) => {
      const answer = await write(...request);
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
      return answer;
    });
    await settle();
    expect(client.objects(PERSISTENT_VOLUMES)).toEqual([]);
  });

  it('stays where the policy says so', async () => {
    const driver = createMemoryDriver();
    const { client, settle } = await startCluster(driver);
    await made(client, 'Retain');
    await settle();
    await release(client);
    await settle();
    expect(driver.volumes.size).toBe(1);
    expect(client.objects(PERSISTENT_VOLUMES)[0]?.metadata?.finalizers).toBeUndefined();
  });

  it('is held by a finalizer as long as its policy is to delete it', async () => {
    const { client, settle } = await startCluster(createMemoryDriver());
    client.seed(PERSISTENT_VOLUMES, aVolume('v'));
    await settle();
    const held = () => client.objects(PERSISTENT_VOLUMES)[0]?.metadata?.finalizers;
    expect(held()).toEqual(['external-provisioner.volume.kubernetes.io/finalizer']);
    const body = { spec: { persistentVolumeReclaimPolicy: 'Retain' } };
    await client.patch(PERSISTENT_VOLUMES, { name: 'v' }, { type: 'merge', body }, never);
    await settle();
    expect(held()).toEqual([]);
  });
});
