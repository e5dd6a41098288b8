import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type Driver } from '@nodeagent/csi';
import { expect, it } from 'vitest';

import {
  devicePodOf,
  DRIVER,
  forever,
  plain,
  podOf,
  useStorageNode,
} from '../support/storage-node.js';

const node = useStorageNode();

const unwell = (driver: Driver): Driver => ({
  ...driver,
  node: {
    ...driver.node!,
    capabilities: ['volume-condition'],
    stats: async () => ({
      usage: [{ unit: 'bytes', total: 100, used: 60, available: 40 }],
      volumeCondition: { abnormal: true, message: 'the disk is on fire' },
    }),
  },
});

it('a mounted volume is as full as its driver says', async () => {
  await node.driverObject(plain);
  await node.startDriver();
  await node.aBoundClaim('c', { bytes: 16 << 20, parameters: { backing: 'image' } });
  const pod = podOf('u1', 'c');
  await node.mount(pod);
  const [figures] = await node.storage.volumes.figures(pod, forever);
  expect(figures).toMatchObject({ name: 'data', claim: { namespace: 'ns', name: 'c' } });
  expect(figures?.capacityBytes).toBeGreaterThan(8 << 20);
  expect(figures?.capacityBytes).toBeLessThan(16 << 20);
  expect(figures?.inodesUsed).toBeGreaterThan(0);
  await node.unmount('u1');
  expect(await node.storage.volumes.figures(pod, forever)).toEqual([]);
});

it('a device is as large as its driver says', async () => {
  await node.driverObject(plain);
  await node.startDriver();
  await node.aBoundClaim('c', { block: true });
  const pod = devicePodOf('u1', 'c');
  await node.mount(pod);
  const found = await node.storage.volumes.figures(pod, forever);
  expect(found).toMatchObject([{ capacityBytes: 1 << 20 }]);
  await node.unmount('u1');
});

it('a volume that is not well is told of', async () => {
  await node.driverObject(plain);
  await node.startDriver(unwell);
  await node.aBoundClaim('c');
  const pod = podOf('u1', 'c');
  await node.mount(pod);
  const found = await node.storage.volumes.figures(pod, forever);
  expect(found).toMatchObject([{ abnormal: true, usedBytes: 60, inodes: 0 }]);
  expect(node.events).toContain('VolumeConditionAbnormal: Volume data: the disk is on fire');
  await node.unmount('u1');
});

it('operations, calls and volumes are counted by the names of other kubelets', async () => {
  await node.driverObject(plain);
  await node.startDriver();
  await node.aBoundClaim('c');
  await node.mount(podOf('u1', 'c'));
  const total = `volume_manager_total_volumes{plugin_name="kubernetes.io/csi:${DRIVER}",state=`;
  expect(node.metrics.values.get(`${total}"actual_state_of_world"}`)).toBe(1);
  await node.unmount('u1');
  expect(node.metrics.values.get(`${total}"actual_state_of_world"}`)).toBeUndefined();
  const operation = (name: string): string =>
    `storage_operation_duration_seconds{migrated="false",operation_name="${name}",status="success",volume_plugin="kubernetes.io/csi:${DRIVER}"}`;
  const call = (name: string): string =>
    `csi_operations_seconds{driver_name="${DRIVER}",grpc_status_code="OK",method_name="/csi.v1.Node/${name}",migrated="false"}`;
  expect([...node.metrics.observations.keys()]).toEqual(
    expect.arrayContaining([
      operation('volume_mount'),
      operation('volume_unmount'),
      operation('unmount_device'),
      call('NodeGetCapabilities'),
      call('NodeStageVolume'),
      call('NodePublishVolume'),
      call('NodeUnpublishVolume'),
      call('NodeUnstageVolume'),
      `volume_operation_total_seconds{operation_name="overall_volume_mount",plugin_name="kubernetes.io/csi:${DRIVER}"}`,
    ]),
  );
});

it('volumes that an earlier kubelet left are counted, and those without a record too', async () => {
  await node.driverObject(plain);
  await node.startDriver();
  for (const name of ['c', 'd']) await node.aBoundClaim(name);
  await node.mount(podOf('u1', 'c'));
  await node.mount(podOf('u2', 'd'));
  const found = () => [
    node.metrics.values.get('reconstruct_volume_operations_total'),
    node.metrics.values.get('reconstruct_volume_operations_errors_total'),
  ];
  expect(found()).toEqual([undefined, undefined]);
  await node.stopKubelet();
  const record = join(node.rootDir, 'pods/u2/volumes/kubernetes.io~csi/pv-d/vol_data.json');
  const text = await readFile(record);
  await rm(record);
  await node.startKubelet();
  await expect.poll(found).toEqual([2, 1]);
  const none = join(node.rootDir, 'pods/u3/volumes/kubernetes.io~csi/pv-e');
  await mkdir(none, { recursive: true });
  await node.stopKubelet();
  await node.startKubelet();
  await expect.poll(found).toEqual([5, 3]);
  const cleaned = () => [
    node.metrics.values.get('force_cleaned_failed_volume_operations_total'),
    node.metrics.values.get('force_cleaned_failed_volume_operation_errors_total'),
  ];
  const nameless = `${record} does not say which driver mounted`;
  await expect(node.unmount('u2')).rejects.toThrow(nameless);
  await expect(node.unmount('u2')).rejects.toThrow(nameless);
  expect(cleaned()).toEqual([1, 1]);
  await node.unmount('u3');
  expect(cleaned()).toEqual([2, 1]);
  await expect(readdir(none)).rejects.toMatchObject({ code: 'ENOENT' });
  await writeFile(record, text);
  await expect.poll(() => node.verdicts.length).toBe(3);
  for (const uid of ['u1', 'u2']) await node.unmount(uid);
});
