import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { CsiError, type CsiErrorCode, type Driver } from '@nodeagent/csi';
import { describe, expect, it } from 'vitest';

import { forever, plain, podOf, textOf, useStorageNode } from '../support/storage-node.js';

const node = useStorageNode();
const pod = podOf('u1', 'c');
const patient = { timeout: 10_000 };

/** The driver refuses to publish while `code` is set. */
function refusing(state: { code?: CsiErrorCode | undefined; unpublished: number }) {
  return (driver: Driver): Driver => {
    const own = driver.node!;
    return {
      ...driver,
      node: {
        ...own,
        publish: async (request, signal) => {
          if (state.code !== undefined) throw new CsiError(state.code, 'not now');
          await own.publish(request, signal);
        },
        unpublish: async (request, signal) => {
          state.unpublished += 1;
          await own.unpublish(request, signal);
        },
        published: async () => undefined, // publications are repeated here
      },
    };
  };
}

const left = (): Promise<readonly string[]> =>
  readdir(join(node.rootDir, 'pods/u1/volumes/kubernetes.io~csi/pv-c')).catch(() => []);

describe('a refused publication', () => {
  it.each(['CSI_UNAVAILABLE', 'CSI_DEADLINE', 'CSI_ABORTED', 'CSI_RESOURCE_EXHAUSTED'] as const)(
    'with %s may be under way: its record stays, and its pod takes it down',
    async (code) => {
      const state = { code, unpublished: 0 };
      await node.driverObject(plain);
      await node.startDriver(refusing(state));
      await node.aBoundClaim('c');
      expect(await textOf(node.mount(pod))).toContain('not now');
      expect(await left()).toEqual(['vol_data.json']);
      await node.unmount('u1');
      expect(state.unpublished).toBe(1);
      expect(await left()).toEqual([]);
      expect(await node.mounts()).toEqual([]);
    },
  );

  it.each(['CSI_INVALID_ARGUMENT', 'CSI_NOT_FOUND', 'CSI_INTERNAL'] as const)(
    'with %s is none: nothing of it stays',
    async (code) => {
      const state = { code, unpublished: 0 };
      await node.driverObject(plain);
      await node.startDriver(refusing(state));
      await node.aBoundClaim('c');
      expect(await textOf(node.mount(pod))).toContain('not now');
      expect(await left()).toEqual([]);
      await node.unmount('u1');
      expect(state.unpublished).toBe(0);
      expect(await node.mounts()).toEqual([]);
    },
  );

  it.each(['CSI_UNAVAILABLE', 'CSI_INTERNAL', 'CSI_FAILED_PRECONDITION'] as const)(
    'of a mounted volume with %s keeps its mount',
    async (code) => {
      const state: Parameters<typeof refusing>[0] = { unpublished: 0 };
      await node.driverObject({ ...plain, requiresRepublish: true });
      await node.startDriver(refusing(state));
      await node.aBoundClaim('c');
      const path = await node.mount(pod);
      state.code = code;
      expect(await textOf(node.mount(pod))).toContain('not now');
      expect(node.storage.volumes.placeOf('u1', 'data')?.hostPath).toBe(path);
      expect(await node.mounts()).toHaveLength(2);
      state.code = undefined;
      await expect
        .poll(
          () => textOf(node.storage.volumes.prepare(pod, pod.spec!.volumes![0]!, forever)),
          patient,
        )
        .toBe('');
      await node.unmount('u1');
      expect(await node.mounts()).toEqual([]);
    },
  );
});
