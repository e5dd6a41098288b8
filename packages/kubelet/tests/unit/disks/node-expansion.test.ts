import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { CsiError } from '@nodeagent/csi';
import type { PersistentVolume, PersistentVolumeClaim } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { NodeExpansion } from '../../../src/disks/run/node-expansion.js';

const claim: PersistentVolumeClaim = {
  metadata: { namespace: 'default', name: 'data', uid: 'c-1' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } } },
  status: {
    capacity: { storage: '1Gi' },
    allocatedResources: { storage: '2Gi' },
    allocatedResourceStatuses: { storage: 'NodeResizePending' },
  },
};
const found: PersistentVolume = {
  metadata: { name: 'pv-1' },
  spec: { capacity: { storage: '2Gi' } },
};

function setUp() {
  const events: string[] = [];
  const note = (_: unknown, reason: string): void => void events.push(reason);
  const expansion = new NodeExpansion({
    nodeName: 'n1',
    api: { patchClaim: async () => claim },
    events: { normal: note, warning: note },
    recorder: { record: () => undefined },
    clock: new ManualClock(),
    log: new MemoryLogger(),
  });
  let calls = 0;
  const attempt = (uid: string, isFirst: boolean, error?: Error): Promise<void> => {
    const pod = { metadata: { namespace: 'default', name: uid, uid } };
    const grow = async (): Promise<void> => {
      calls += 1;
      if (error !== undefined) throw error;
    };
    return expansion.expand(
      {
        pod,
        name: 'v-1',
        specName: 'pv-1',
        readOnly: false,
        bound: { claim, found },
        grow,
        isFirst,
      },
      new AbortController().signal,
    );
  };
  return { attempt, events, calls: () => calls };
}

const unavailable = new CsiError('CSI_UNAVAILABLE', 'the driver is away', { method: 'expand' });

describe(NodeExpansion, () => {
  it('keeps a pod from starting until the volume has its size, at every attempt', async () => {
    const { attempt, events, calls } = setUp();
    await expect(attempt('u-1', true, unavailable)).rejects.toThrow('the driver is away');
    await expect(attempt('u-1', false, unavailable)).rejects.toThrow('the driver is away');
    await attempt('u-1', false);
    expect(calls()).toBe(3);
    expect(events).toEqual(['FileSystemResizeSuccessful']);
  });

  it('reports a failure to a pod that runs already', async () => {
    const { attempt, events } = setUp();
    await attempt('u-1', false, unavailable);
    expect(events).toEqual(['VolumeResizeFailed']);
  });
});
