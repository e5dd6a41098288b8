import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { GroupChanges } from '../../../src/disks/run/index.js';
import type { VolumeFiles } from '../../../src/volumes/index.js';

const { signal } = new AbortController();
const PATH = '/kubelet/pods/u1/volumes/kubernetes.io~csi/pv/mount';

const podWith = (securityContext: NonNullable<Pod['spec']>['securityContext']): Pod => ({
  metadata: { name: 'p', namespace: 'ns', uid: 'u1' },
  spec: { securityContext, containers: [] } as unknown as NonNullable<Pod['spec']>,
});

function change(changeGroup: VolumeFiles['changeGroup']) {
  const clock = new ManualClock();
  const log = new MemoryLogger();
  const events: string[] = [];
  const note = (_: Pod, reason: string, message: string): void => {
    events.push(`${reason}: ${message}`);
  };
  const groups = new GroupChanges({
    ...{ clock, log, volumeFiles: { changeGroup } },
    events: { normal: note, warning: note },
  });
  return { clock, log, events, groups };
}

describe(GroupChanges, () => {
  it('tells after half a minute that it takes long, and then every minute how far it is', async () => {
    const work = Promise.withResolvers<undefined>();
    const { clock, events, groups } = change(async (_, __, listener) => {
      for (let file = 0; file < 7; file += 1) listener?.onFile();
      await work.promise;
    });
    const given = groups.give(podWith({ fsGroup: 5 }), PATH, signal);
    await clock.advance(29_000);
    expect(events).toEqual([]);
    await clock.advance(1000);
    await clock.advance(60_000);
    await clock.advance(59_000);
    const where = 'u1/volumes/kubernetes.io~csi/pv/mount';
    expect(events).toEqual([
      `VolumePermissionChangeInProgress: Setting volume ownership for ${where} is taking longer than expected, consider using OnRootMismatch - https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#configure-volume-permission-and-ownership-change-policy-for-pods`,
      `VolumePermissionChangeInProgress: Setting volume ownership for ${where}, processed 7 files.`,
    ]);
    work.resolve(undefined);
    await given;
    await clock.advance(600_000);
    expect(events).toHaveLength(2);
  });

  it('logs once how many files the file system did not let it change', async () => {
    const { log, groups } = change(async (_, __, listener) => {
      for (const file of ['a', 'b']) listener?.onRefused(new Error(`EPERM: ${file}`));
    });
    await groups.give(podWith({ fsGroup: 5 }), PATH, signal);
    expect(log.lines).toMatchObject([
      { level: 'warn', fields: { path: PATH, gid: 5, refused: 2, err: new Error('EPERM: a') } },
    ]);
  });

  it.each([
    ['OnRootMismatch', 'OnRootMismatch'],
    ['Always', 'Always'],
    [undefined, 'Always'],
  ])('of policy %s is one of policy %s', async (fsGroupChangePolicy, expected) => {
    const policies: string[] = [];
    const { groups } = change(async (_, { policy }) => void policies.push(policy));
    const named = fsGroupChangePolicy === undefined ? {} : { fsGroupChangePolicy };
    await groups.give(podWith({ fsGroup: 5, ...named }), PATH, signal);
    await groups.give(podWith({}), PATH, signal);
    expect(policies).toEqual([expected]);
  });
});
