import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import { type Node, NODES, VOLUME_ATTACHMENTS } from '@nodeagent/kube-client';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { describe, expect, it, vi } from 'vitest';

import { toPodUid } from '../../../src/pod/index.js';
import { attachmentName, uniqueName } from '../../../src/storage/model/csi-paths.js';
import type { CsiVolume } from '../../../src/storage/model/csi-volume.js';
import { driverRules } from '../../../src/storage/plan/driver-rules.js';
import { Attachments } from '../../../src/storage/run/attachments.js';
import { StorageApi } from '../../../src/storage/run/storage-api.js';
import { StorageMeter } from '../../../src/storage/run/storage-meter.js';

const { signal } = new AbortController();
const volume = {
  ...{ driver: 'd', volumeHandle: 'h', lifecycle: 'Persistent', migrated: false },
} as CsiVolume;

/** An attachment that failed, of a driver that tells its limits in this period. */
async function refused(errorCode: number | undefined, nodeAllocatableUpdatePeriodSeconds?: number) {
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  const client = createMemoryKubeClient({ clock });
  const name = attachmentName('h', 'd', 'n1');
  const spec = { attacher: 'd', nodeName: 'n1', source: { persistentVolumeName: 'pv' } };
  const failure = { message: 'no free slot', ...(errorCode !== undefined && { errorCode }) };
  const attachError = { time: '2026-01-01T00:00:00Z', ...failure };
  const status = { attached: false, attachError };
  await client.create(VOLUME_ATTACHMENTS, { metadata: { name }, spec, status }, signal);
  const asked: string[] = [];
  const attachments = new Attachments({
    nodeName: 'n1',
    api: new StorageApi(client, { secret: async () => undefined }),
    actual: { persistent: () => [], ready: async () => undefined },
    node: () => ({ status: { volumesInUse: [uniqueName('d', 'h')] } }),
    onInUse: () => undefined,
    onAttached: () => undefined,
    meter: new StorageMeter(metrics, clock),
    onLimit: async (driver) => void asked.push(driver),
  });
  const period = nodeAllocatableUpdatePeriodSeconds;
  const rules = driverRules({
    metadata: { name: 'd' },
    spec: period === undefined ? {} : { nodeAllocatableUpdatePeriodSeconds: period },
  });
  const attached = attachments.attached(toPodUid('u1'), volume, rules, signal);
  return { asked, attached, metrics };
}

/** A volume that is attached as the API says, while the watched Node is behind. */
async function attachedVolume() {
  const clock = new ManualClock();
  const client = createMemoryKubeClient({ clock });
  const name = uniqueName('d', 'h');
  const status = { volumesInUse: [name], volumesAttached: [{ name, devicePath: '' }] };
  client.seed(NODES, { metadata: { name: 'n1' }, status });
  const spec = { attacher: 'd', nodeName: 'n1', source: { persistentVolumeName: 'pv' } };
  const attachment = { metadata: { name: attachmentName('h', 'd', 'n1') }, spec };
  await client.create(VOLUME_ATTACHMENTS, { ...attachment, status: { attached: true } }, signal);
  const get = vi.spyOn(client, 'get');
  const seen: { node: Node } = { node: {} };
  const told: string[] = [];
  const attachments = new Attachments({
    nodeName: 'n1',
    api: new StorageApi(client, { secret: async () => undefined }),
    actual: { persistent: () => [], ready: async () => undefined },
    node: () => seen.node,
    onInUse: () => void told.push('in use'),
    onAttached: (uid) => void told.push(`wake ${uid}`),
    meter: new StorageMeter(new MemoryMetrics(), clock),
    onLimit: async () => undefined,
  });
  const uid = toPodUid('u1');
  const ask = () => attachments.attached(uid, volume, driverRules(undefined), signal);
  const kinds = () => get.mock.calls.map(([{ kind }]) => kind);
  const show = (shown: NonNullable<Node['status']>): void => {
    seen.node = { status: shown };
    attachments.nodeChanged();
  };
  return { attachments, ask, kinds, show, told, uid, status };
}

describe(Attachments, () => {
  it('reports a wanted volume at once, once, and again when its pod is gone', async () => {
    const { attachments, ask, told, uid, kinds } = await attachedVolume();
    await expect(ask()).rejects.toMatchObject({ code: 'VOLUME_PENDING' });
    await expect(ask()).rejects.toMatchObject({ code: 'VOLUME_PENDING' });
    expect(told).toEqual(['in use']);
    expect(kinds()).toEqual([]);
    attachments.forget(uid);
    attachments.forget(uid);
    expect(told).toEqual(['in use', 'in use']);
  });

  it('asks the API about the Node only when the watched one has the volume, and wakes the pod then', async () => {
    const { ask, show, told, kinds, status } = await attachedVolume();
    await expect(ask()).rejects.toMatchObject({ code: 'VOLUME_PENDING' });
    show({ volumesInUse: status.volumesInUse });
    await expect(ask()).rejects.toThrow('Volume not attached according to node status');
    expect([told, kinds()]).toEqual([['in use'], ['VolumeAttachment']]);
    show(status);
    expect(told).toEqual(['in use', 'wake u1']);
    expect(await ask()).toEqual({});
    expect(kinds().sort()).toEqual(['Node', 'VolumeAttachment', 'VolumeAttachment']);
    show(status);
    expect(told).toHaveLength(2);
  });

  it('counts the look at an attachment, and its failures', async () => {
    const { attached, metrics } = await refused(13);
    await expect(attached).rejects.toThrow('no free slot');
    const labels =
      'migrated="false",operation_name="verify_controller_attached_volume",status="fail-unknown",volume_plugin="kubernetes.io/csi:d"';
    expect([...metrics.observations.keys()]).toEqual([
      `storage_operation_duration_seconds{${labels}}`,
    ]);
  });

  it('asks a driver at once how many volumes the node can have when there is no room', async () => {
    const { asked, attached } = await refused(8, 60);
    await expect(attached).rejects.toMatchObject({ code: 'VOLUME_LIMIT', message: 'no free slot' });
    expect(asked).toEqual(['d']);
  });

  it.each([
    ['another reason', 13, 60],
    ['no code', undefined, 60],
    ['a driver that names no period', 8, undefined],
  ])('asks nothing after a failure with %s', async (_, errorCode, period) => {
    const { asked, attached } = await refused(errorCode, period);
    await expect(attached).rejects.toMatchObject({ code: 'VOLUME_SOURCE' });
    expect(asked).toEqual([]);
  });
});
