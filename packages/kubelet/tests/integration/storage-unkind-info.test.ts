import { NODE } from '@nodeagent/csi';
import { createHostPathDriver } from '@nodeagent/csi/hostpath';
import {
  CSI_NODES,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
} from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { DRIVER, forever, plain, podOf, textOf, useStorageNode } from '../support/storage-node.js';
import { BROKEN_ANSWERS, sendMessage, type UnkindAnswer } from '../support/unkind-driver.js';

const node = useStorageNode({}, 1500);
const patient = { timeout: 10_000 };
const MIB = 1 << 20;

const emptyMessage: UnkindAnswer = (stream) => sendMessage(stream, Buffer.alloc(0));

async function announced(): Promise<readonly string[]> {
  const { items } = await node.api.list(CSI_NODES, {}, forever);
  return items.flatMap(({ spec }) => spec.drivers.map(({ name }) => name));
}

describe('a driver that describes the node wrongly', () => {
  it.each(BROKEN_ANSWERS)(
    'with %s is refused with the reason, and registered when it is right',
    async (_, answer) => {
      const { unkind } = await node.startUnkindDriver({ works: true, answer });
      const { error = '' } = node.verdicts.at(-1) ?? {};
      expect(error).toContain('RegisterPlugin error -- plugin registration failed with err: ');
      expect(error.length).toBeLessThan(70_000);
      expect(await announced()).toEqual([]);
      unkind.clear();
      await expect.poll(() => node.verdicts.at(-1)?.pluginRegistered, patient).toBe(true);
      expect(await announced()).toEqual([DRIVER]);
    },
  );

  it('without a name for the node is refused', async () => {
    await node.startUnkindDriver({ works: false, answer: emptyMessage });
    expect(node.verdicts.at(-1)?.error).toContain('driverNodeID must not be empty');
    expect(await announced()).toEqual([]);
  });
});

/** An answer that is a message, but wrong. */
const saying =
  (message: Uint8Array): UnkindAnswer =>
  (stream) =>
    sendMessage(stream, message);

/** Field 2 of NodeInfo, an int64, after the node's name. */
const infoWithLimit = (limit: bigint): Buffer => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, limit);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  const name = NODE.getInfo.reply.encode({ nodeId: 'id', maxVolumesPerNode: 0 });
  return Buffer.concat([name, Buffer.from([2 << 3, ...bytes, Number(rest)])]);
};

describe('a driver that describes the node strangely', () => {
  it.each([
    [7n, { count: 7 }],
    [-1n, undefined],
    [2n ** 62n, { count: 2 ** 31 - 1 }],
    [2n ** 63n - 1n, { count: 2 ** 31 - 1 }],
  ])('with room for %d volumes is registered', async (limit, allocatable) => {
    const { unkind } = await node.startUnkindDriver({ works: false, answer: emptyMessage });
    unkind.set('getInfo', { works: false, answer: saying(infoWithLimit(limit)) });
    await expect.poll(() => node.verdicts.at(-1)?.pluginRegistered, patient).toBe(true);
    const { items } = await node.api.list(CSI_NODES, {}, forever);
    expect(items[0]?.spec.drivers.map((driver) => driver.allocatable)).toEqual([allocatable]);
  });

  it('with topology that contradicts the Node is refused until it does not', async () => {
    const { unkind } = await node.startUnkindDriver({ works: false, answer: emptyMessage });
    const body = { metadata: { labels: { zone: 'here' } } };
    await node.api.patch(NODES, { name: 'node-1' }, { type: 'merge', body }, forever);
    await node.stopKubelet();
    await node.startKubelet();
    const inZone = (zone: string): UnkindAnswer =>
      saying(
        NODE.getInfo.reply.encode({
          nodeId: 'id',
          maxVolumesPerNode: 0,
          accessibleTopology: { segments: { zone } },
        }),
      );
    unkind.set('getInfo', { works: false, answer: inZone('there') });
    const collision =
      'detected topology value collision: driver reported "zone":"there" but existing label is "zone":"here"';
    await expect.poll(() => node.verdicts.at(-1)?.error, patient).toContain(collision);
    expect(await announced()).toEqual([]);
    unkind.set('getInfo', { works: false, answer: inZone('here') });
    await expect.poll(() => node.verdicts.at(-1)?.pluginRegistered, patient).toBe(true);
    expect(await announced()).toEqual([DRIVER]);
  });
});

/** The controller has enlarged the volume; the node's part is still to be done. */
async function grown(name: string, volumeId: string): Promise<void> {
  const stateDir = `${node.dir}/state`;
  const { controller } = await createHostPathDriver({ stateDir, nodeId: 'node-1' });
  const capacityRange = { requiredBytes: 4 * MIB, limitBytes: 0 };
  const request = { volumeId, capacityRange, secrets: {}, volumeCapability: undefined };
  await controller?.expand?.(request, forever);
  const storage = String(4 * MIB);
  const body = { spec: { capacity: { storage } } };
  await node.api.patch(
    PERSISTENT_VOLUMES,
    { name: `pv-${name}` },
    { type: 'merge', body },
    forever,
  );
  const status = {
    allocatedResources: { storage },
    allocatedResourceStatuses: { storage: 'NodeResizePending' },
  };
  const patch = { type: 'merge', body: { status }, subresource: 'status' } as const;
  await node.api.patch(PERSISTENT_VOLUME_CLAIMS, { namespace: 'ns', name }, patch, forever);
}

async function claimedSize(name: string): Promise<string | undefined> {
  const claim = { namespace: 'ns', name };
  const { status } = await node.api.get(PERSISTENT_VOLUME_CLAIMS, claim, forever);
  return status?.capacity?.['storage'];
}

describe('a driver that answers wrongly to expandVolume', () => {
  it.each([true, false])(
    '(having worked: %s) holds its pod until it is right',
    async (works) => {
      await node.driverObject(plain);
      const { unkind } = await node.startUnkindDriver();
      for (const [at, [what, answer]] of BROKEN_ANSWERS.entries()) {
        const name = `c${at}`;
        const pod = podOf(`u${at}`, name);
        await grown(name, await node.aBoundClaim(name));
        unkind.set('expandVolume', { works, answer });
        const text = await textOf(node.mount(pod));
        expect(text, what).not.toBe('');
        expect(text.length, what).toBeLessThan(70_000);
        expect(node.storage.volumes.placeOf(`u${at}`, 'data'), what).toBeUndefined();
        expect(await claimedSize(name), what).toBe(String(MIB));
        unkind.clear();
        await expect.poll(() => textOf(node.mount(pod)), patient).toBe('');
        expect(await claimedSize(name), what).toBe(String(4 * MIB));
        await node.unmount(`u${at}`);
        expect(await node.mounts(), what).toEqual([]);
      }
    },
    60_000,
  );
});

it.each([0, 1, 64 * MIB, -1])(
  'a driver that expanded a volume may say that it has %d bytes',
  async (capacityBytes) => {
    await node.driverObject(plain);
    const { unkind } = await node.startUnkindDriver();
    await grown('c', await node.aBoundClaim('c'));
    const answer = saying(NODE.expandVolume.reply.encode({ capacityBytes }));
    unkind.set('expandVolume', { works: true, answer });
    await node.mount(podOf('u1', 'c'));
    expect(await claimedSize('c')).toBe(String(4 * MIB));
    await node.unmount('u1');
  },
);
