import { statfs } from 'node:fs/promises';

import type { CsiErrorCode } from '@nodeagent/csi';
import { CsiError, type Driver } from '@nodeagent/csi';
import { createHostPathDriver } from '@nodeagent/csi/hostpath';
import {
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type PersistentVolumeClaim,
} from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { devicePodOf, forever, plain, podOf, useStorageNode } from '../support/storage-node.js';

const node = useStorageNode();
const MIB = 1 << 20;
const NAME = { namespace: 'ns', name: 'c' };

/** Does the controller's part: enlarges the driver's volume and the PersistentVolume. */
async function grow(volumeId: string, bytes: number): Promise<void> {
  const { controller } = await createHostPathDriver({
    stateDir: `${node.dir}/state`,
    nodeId: 'node-1',
  });
  await controller?.expand?.(
    {
      volumeId,
      capacityRange: { requiredBytes: bytes, limitBytes: 0 },
      secrets: {},
      volumeCapability: undefined,
    },
    forever,
  );
  const body = { spec: { capacity: { storage: String(bytes) } } };
  await node.api.patch(PERSISTENT_VOLUMES, { name: 'pv-c' }, { type: 'merge', body }, forever);
}

async function tellClaim(status: object): Promise<void> {
  const body = { status };
  const patch = { type: 'merge', body, subresource: 'status' } as const;
  await node.api.patch(PERSISTENT_VOLUME_CLAIMS, NAME, patch, forever);
}

const pendingOnNode = (bytes: number): Promise<void> =>
  tellClaim({
    allocatedResources: { storage: String(bytes) },
    allocatedResourceStatuses: { storage: 'NodeResizePending' },
    conditions: [{ type: 'FileSystemResizePending', status: 'True' }],
  });

const claimStatus = async (): Promise<PersistentVolumeClaim['status']> =>
  (await node.api.get(PERSISTENT_VOLUME_CLAIMS, NAME, forever)).status;

async function sizeOf(path: string): Promise<number> {
  const { blocks, bsize } = await statfs(path);
  return blocks * bsize;
}

/** Growing a mounted ext4 takes a capability that not every machine gives: the driver only says so. */
function answering(code?: CsiErrorCode): (driver: Driver) => Driver {
  return (driver) => ({
    ...driver,
    node: {
      ...driver.node!,
      expand: async () => {
        if (code !== undefined) throw new CsiError(code, 'not now');
        return { capacityBytes: 0 };
      },
    },
  });
}

describe('a volume that has grown', () => {
  it('has its size when it is mounted', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    const parameters = { backing: 'image', fsType: 'xfs' };
    const handle = await node.aBoundClaim('c', { bytes: 320 * MIB, parameters });
    const before = await sizeOf(await node.mount(podOf('u1', 'c')));
    await node.unmount('u1');
    await grow(handle, 640 * MIB);
    await pendingOnNode(640 * MIB);
    expect(await sizeOf(await node.mount(podOf('u2', 'c')))).toBeGreaterThan(before * 1.5);
    expect(await claimStatus()).toEqual({
      phase: 'Bound',
      capacity: { storage: String(640 * MIB) },
      allocatedResources: { storage: String(640 * MIB) },
    });
    expect(node.events).toContain(
      'FileSystemResizeSuccessful: MountVolume.NodeExpandVolume succeeded for volume "pv-c" node-1',
    );
    await node.unmount('u2');
  });

  it('grows while its pod runs', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    const parameters = { backing: 'image', fsType: 'xfs' };
    const handle = await node.aBoundClaim('c', { bytes: 320 * MIB, parameters });
    const path = await node.mount(podOf('u1', 'c'));
    const before = await sizeOf(path);
    await grow(handle, 640 * MIB);
    await node.mount(podOf('u1', 'c')); // by a resizer that says nothing of its progress
    expect(await sizeOf(path)).toBeGreaterThan(before * 1.5);
    expect((await claimStatus())?.capacity).toEqual({ storage: String(640 * MIB) });
    const resize = [...node.metrics.observations.keys()].filter((key) =>
      key.includes('operation_name="volume_fs_resize",status="success"'),
    );
    expect(resize).toHaveLength(1);
    await node.unmount('u1');
  });

  it('grows as a device too', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    const handle = await node.aBoundClaim('c', { block: true });
    await node.mount(devicePodOf('u1', 'c'));
    await grow(handle, 4 * MIB);
    await pendingOnNode(4 * MIB);
    await node.mount(devicePodOf('u1', 'c'));
    expect((await claimStatus())?.capacity).toEqual({ storage: String(4 * MIB) });
    await node.unmount('u1');
  });

  it('waits for the controller', async () => {
    await node.driverObject(plain);
    await node.startDriver(answering('CSI_INTERNAL'));
    const handle = await node.aBoundClaim('c');
    await grow(handle, 4 * MIB);
    await tellClaim({
      allocatedResources: { storage: String(4 * MIB) },
      allocatedResourceStatuses: { storage: 'ControllerResizeInProgress' },
    });
    await node.mount(podOf('u1', 'c'));
    expect((await claimStatus())?.capacity).toEqual({ storage: String(MIB) });
    await node.unmount('u1');
  });

  it.each([
    ['CSI_INTERNAL', 'NodeResizeInProgress'],
    ['CSI_OUT_OF_RANGE', 'NodeResizeInfeasible'],
  ] as const)(
    'whose driver answers %s does not start its pod, and says why',
    async (code, status) => {
      await node.driverObject(plain);
      await node.startDriver(answering(code));
      const handle = await node.aBoundClaim('c');
      await grow(handle, 4 * MIB);
      await pendingOnNode(4 * MIB);
      await expect(node.mount(podOf('u1', 'c'))).rejects.toMatchObject({
        step: { operation: 'MountVolume', name: 'Setup', how: 'while expanding volume' },
      });
      const found = await claimStatus();
      expect(found?.allocatedResourceStatuses).toEqual({ storage: status });
      expect(found?.conditions).toContainEqual(
        expect.objectContaining({ type: 'NodeResizeError', status: 'True' }),
      );
      await node.unmount('u1');
    },
  );

  it('and that a running pod cannot have, is told by an event', async () => {
    await node.driverObject(plain);
    await node.startDriver(answering('CSI_INTERNAL'));
    const handle = await node.aBoundClaim('c');
    await node.mount(podOf('u1', 'c'));
    await grow(handle, 4 * MIB);
    await node.mount(podOf('u1', 'c'));
    expect(node.events).toContain(
      'VolumeResizeFailed: NodeExpandVolume.NodeExpandVolume failed for volume "pv-c" : rpc error: code = Internal desc = not now',
    );
    await node.unmount('u1');
  });

  it('whose driver does not expand it in use is mounted all the same', async () => {
    await node.driverObject(plain);
    await node.startDriver(answering('CSI_FAILED_PRECONDITION'));
    const handle = await node.aBoundClaim('c');
    await grow(handle, 4 * MIB);
    await pendingOnNode(4 * MIB);
    await node.mount(podOf('u1', 'c'));
    expect((await claimStatus())?.capacity).toEqual({ storage: String(MIB) });
    await node.unmount('u1');
  });

  it('is not grown for a pod that only reads', async () => {
    await node.driverObject(plain);
    await node.startDriver(answering('CSI_INTERNAL'));
    const handle = await node.aBoundClaim('c');
    await grow(handle, 4 * MIB);
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'c', readOnly: true } }];
    await node.mount(podOf('u1', 'c', { volumes }));
    expect(node.events).toContain(
      'FileSystemResizeFailed: MountVolume.NodeExpandVolume failed for volume "pv-c" requested read-only file system',
    );
    await node.unmount('u1');
  });
});
