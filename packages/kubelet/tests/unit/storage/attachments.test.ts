import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import { VOLUME_ATTACHMENTS } from '@nodeagent/kube-client';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { describe, expect, it } from 'vitest';

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
    reportedInUse: () => new Set([uniqueName('d', 'h')]),
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

describe(Attachments, () => {
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
