import { CsiError, type Driver } from '@nodeagent/csi';
import { createMemoryDriver, type MemoryDriver } from '@nodeagent/csi/testing';
import {
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  VOLUME_ATTACHMENTS,
} from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { aClaim, never, startCluster } from './cluster.js';

type Cluster = Awaited<ReturnType<typeof startCluster>>;

/** A claim with a volume that the driver made, bound as the binder leaves it. */
async function bound(driver: Driver): Promise<Cluster & { readonly name: string }> {
  const cluster = await startCluster(driver);
  const { client, settle } = cluster;
  const claim = await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('c'), never);
  await settle();
  const name = `pvc-${claim.metadata?.uid}`;
  const at = { namespace: 'a', name: 'c' };
  const body = { spec: { volumeName: name } };
  await client.patch(PERSISTENT_VOLUME_CLAIMS, at, { type: 'merge', body }, never);
  const status = { status: { phase: 'Bound', capacity: { storage: '1Gi' } } };
  const patch = { type: 'merge', subresource: 'status', body: status } as const;
  await client.patch(PERSISTENT_VOLUME_CLAIMS, at, patch, never);
  await settle();
  return { ...cluster, name };
}

describe('an attachment', () => {
  const attachment = (persistentVolumeName: string, nodeName = 'n1') => ({
    metadata: { name: 'csi-1' },
    spec: { attacher: 'memory.csi.example.com', nodeName, source: { persistentVolumeName } },
  });
  const FINALIZER = 'external-attacher/memory-csi-example-com';

  it('is made by the driver, whose answer it carries, and holds its volume', async () => {
    const { client, settle, name } = await bound(createMemoryDriver());
    await client.create(VOLUME_ATTACHMENTS, attachment(name), never);
    await settle();
    const [one] = client.objects(VOLUME_ATTACHMENTS);
    expect(one?.status).toEqual({
      attached: true,
      attachmentMetadata: { device: `/dev/disk/volume-of-${name}` },
    });
    expect(one?.metadata).toMatchObject({
      finalizers: [FINALIZER],
      annotations: { 'csi.alpha.kubernetes.io/node-id': 'node-1' },
    });
    expect(client.objects(PERSISTENT_VOLUMES)[0]?.metadata?.finalizers).toContain(FINALIZER);
    await client.delete(VOLUME_ATTACHMENTS, { name: 'csi-1' }, {}, never);
    await settle();
    expect(client.objects(VOLUME_ATTACHMENTS)).toEqual([]);
  });

  it('shows why it cannot be made, and is made when that has changed', async () => {
    const driver = createMemoryDriver();
    const { client, clock, settle, name } = await bound(driver);
    driver.failNext('controllerPublish', new CsiError('CSI_RESOURCE_EXHAUSTED', 'no free slot'));
    await client.create(VOLUME_ATTACHMENTS, attachment(name), never);
    await settle();
    const status = () => client.objects(VOLUME_ATTACHMENTS)[0]?.status;
    expect(status()?.attached).toBe(false);
    expect(status()?.attachError?.message).toContain('no free slot');
    expect(status()?.attachError?.errorCode).toBe(8);
    await clock.advance(1000);
    await settle();
    expect(status()?.attached).toBe(true);
    expect(status()?.attachError).toBeUndefined();
  });

  it('stays while the driver cannot detach', async () => {
    const driver = createMemoryDriver();
    const { client, clock, settle, name } = await bound(driver);
    await client.create(VOLUME_ATTACHMENTS, attachment(name), never);
    await settle();
    driver.failNext('controllerUnpublish', new CsiError('CSI_INTERNAL', 'stuck'));
    await client.delete(VOLUME_ATTACHMENTS, { name: 'csi-1' }, {}, never);
    await settle();
    const [one] = client.objects(VOLUME_ATTACHMENTS);
    expect(one?.status?.detachError?.message).toContain('stuck');
    await clock.advance(1000);
    await settle();
    expect(client.objects(VOLUME_ATTACHMENTS)).toEqual([]);
  });

  it('of a driver that does not attach is done at once', async () => {
    const { controller, ...rest } = createMemoryDriver();
    const others: Partial<typeof controller> = { ...controller };
    delete others.publish;
    delete others.unpublish;
    const { client, settle, name } = await bound({ ...rest, controller: others });
    await client.create(VOLUME_ATTACHMENTS, attachment(name), never);
    await settle();
    const [one] = client.objects(VOLUME_ATTACHMENTS);
    expect(one?.status).toEqual({ attached: true });
    expect(one?.metadata?.finalizers).toBeUndefined();
  });

  it('to a node without the driver waits with a reason', async () => {
    const { client, settle, name } = await bound(createMemoryDriver());
    await client.create(VOLUME_ATTACHMENTS, attachment(name, 'n9'), never);
    await settle();
    const [one] = client.objects(VOLUME_ATTACHMENTS);
    expect(one?.status?.attachError?.message).toBe(
      'CSINode n9 does not contain driver memory.csi.example.com',
    );
  });
});

describe('a claim that asks for more', () => {
  const ask = async ({ client, settle }: Cluster, storage: string): Promise<void> => {
    const body = { spec: { resources: { requests: { storage } } } };
    const at = { namespace: 'a', name: 'c' };
    await client.patch(PERSISTENT_VOLUME_CLAIMS, at, { type: 'merge', body }, never);
    await settle();
  };
  const claimOf = ({ client }: Cluster) => client.objects(PERSISTENT_VOLUME_CLAIMS)[0];
  const conditions = (cluster: Cluster): string[] =>
    (claimOf(cluster)?.status?.conditions ?? []).map(({ type }) => type);

  it('has its volume grown, and the file system left to the node', async () => {
    const driver = createMemoryDriver();
    const cluster = await bound(driver);
    await ask(cluster, '3Gi');
    expect([...driver.volumes.values()].map(({ capacityBytes }) => capacityBytes)).toEqual([
      3 * 2 ** 30,
    ]);
    const [volume] = cluster.client.objects(PERSISTENT_VOLUMES);
    expect(volume?.spec?.capacity).toEqual({ storage: '3Gi' });
    expect(volume?.metadata?.annotations?.['volume.alpha.kubernetes.io/pre-resize-capacity']).toBe(
      '1Gi',
    );
    expect(claimOf(cluster)?.status).toMatchObject({
      capacity: { storage: '1Gi' },
      allocatedResources: { storage: '3Gi' },
      allocatedResourceStatuses: { storage: 'NodeResizePending' },
    });
    expect(conditions(cluster)).toEqual(['Resizing', 'FileSystemResizePending']);
    expect(cluster.events().slice(-2)).toEqual([
      `Resizing: External resizer is resizing volume ${cluster.name}`,
      'FileSystemResizeRequired: Require file system resize of volume on node',
    ]);
  });

  it('has all of it at once from a driver that needs no node for it', async () => {
    const driver: MemoryDriver = createMemoryDriver();
    const expand: typeof driver.controller.expand = async (request, signal) => ({
      ...(await driver.controller.expand?.(request, signal)),
      nodeExpansionRequired: false,
    });
    const cluster = await bound({ ...driver, controller: { ...driver.controller, expand } });
    await ask(cluster, '3Gi');
    expect(claimOf(cluster)?.status).toMatchObject({ capacity: { storage: '3Gi' } });
    expect(claimOf(cluster)?.status?.allocatedResourceStatuses).toEqual({});
    const { annotations } = claimOf(cluster)?.metadata ?? {};
    expect(annotations?.['volume.kubernetes.io/node-expansion-not-required']).toBe('true');
    expect(conditions(cluster)).toEqual([]);
  });

  it('shows a refusal, and gets less when it asks for less', async () => {
    const driver = createMemoryDriver();
    const cluster = await bound(driver);
    driver.failNext('controllerExpand', new CsiError('CSI_OUT_OF_RANGE', 'at most 2Gi'));
    await ask(cluster, '3Gi');
    expect(claimOf(cluster)?.status?.allocatedResourceStatuses).toEqual({
      storage: 'ControllerResizeInfeasible',
    });
    expect(conditions(cluster)).toEqual(['Resizing', 'ControllerResizeError']);
    await ask(cluster, '2Gi');
    await cluster.clock.advance(1000);
    await cluster.settle();
    expect(claimOf(cluster)?.status).toMatchObject({
      allocatedResources: { storage: '2Gi' },
      allocatedResourceStatuses: { storage: 'NodeResizePending' },
    });
  });

  it('is served again after a failure that may pass', async () => {
    const driver = createMemoryDriver();
    const cluster = await bound(driver);
    driver.failNext('controllerExpand', new CsiError('CSI_UNAVAILABLE', 'busy'));
    await ask(cluster, '3Gi');
    expect(claimOf(cluster)?.status?.allocatedResourceStatuses).toEqual({
      storage: 'ControllerResizeInProgress',
    });
    await cluster.clock.advance(1000);
    await cluster.settle();
    expect(claimOf(cluster)?.status?.allocatedResourceStatuses).toEqual({
      storage: 'NodeResizePending',
    });
  });
});
