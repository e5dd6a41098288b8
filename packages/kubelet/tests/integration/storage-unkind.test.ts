import type { ServerHttp2Stream } from 'node:http2';

import type { Driver } from '@nodeagent/csi';
import { describe, expect, it } from 'vitest';

import { DRIVER, forever, plain, podOf, textOf, useStorageNode } from '../support/storage-node.js';
import {
  BROKEN_ANSWERS,
  endCall,
  sendMessage,
  type UnkindAnswer,
} from '../support/unkind-driver.js';

const node = useStorageNode({}, 1500);
const patient = { timeout: 10_000 };
async function aDriver(): Promise<Awaited<ReturnType<typeof node.startUnkindDriver>>> {
  await node.driverObject(plain);
  const driver = await node.startUnkindDriver();
  await node.aBoundClaim('c');
  return driver;
}

const NOTHING = Buffer.alloc(0);
const pod = podOf('u1', 'c');

describe('a driver that answers wrongly', () => {
  it.each(
    (['stageVolume', 'publishVolume'] as const).flatMap((call) =>
      [true, false].map((works) => ({ call, works })),
    ),
  )(
    'to $call (having worked: $works) gives its pod no volume until it is right',
    async (how) => {
      const { unkind } = await aDriver();
      for (const [what, answer] of BROKEN_ANSWERS) {
        unkind.set(how.call, { works: how.works, answer });
        const text = await textOf(node.mount(pod));
        expect(text, what).not.toBe('');
        expect(text.length, what).toBeLessThan(70_000);
        expect(node.storage.volumes.placeOf('u1', 'data'), what).toBeUndefined();
        unkind.clear();
        await expect.poll(() => textOf(node.mount(pod)), patient).toBe('');
        expect(await node.mounts(), what).toHaveLength(2);
        await node.unmount('u1');
        expect(await node.mounts(), what).toEqual([]);
      }
    },
    60_000,
  );

  it.each(
    (['unpublishVolume', 'unstageVolume'] as const).flatMap((call) =>
      [true, false].map((works) => ({ call, works })),
    ),
  )(
    'to $call (having worked: $works) is asked again until it is right',
    async (how) => {
      const { unkind } = await aDriver();
      for (const [what, answer] of BROKEN_ANSWERS) {
        await expect.poll(() => textOf(node.mount(pod)), patient).toBe('');
        unkind.set(how.call, { works: how.works, answer });
        const text = await textOf(node.unmount('u1'));
        // A pod's end does not wait for its volume to be unstaged.
        expect(text !== '', what).toBe(how.call === 'unpublishVolume');
        unkind.clear();
        await expect.poll(() => textOf(node.unmount('u1')), patient).toBe('');
        await expect.poll(() => node.mounts(), patient).toEqual([]);
      }
    },
    60_000,
  );

  it('to getCapabilities gives its pod no volume, and none of it stays', async () => {
    const { unkind } = await aDriver();
    for (const [what, answer] of BROKEN_ANSWERS) {
      unkind.set('getCapabilities', { works: true, answer });
      expect(await textOf(node.mount(pod)), what).not.toBe('');
      await node.unmount('u1');
      expect(await node.mounts(), what).toEqual([]);
      unkind.clear();
    }
  }, 60_000);

  it('to getVolumeStats has no figures', async () => {
    const { unkind } = await aDriver();
    await node.mount(pod);
    for (const [what, answer] of BROKEN_ANSWERS) {
      unkind.set('getVolumeStats', { works: true, answer });
      expect(await node.storage.volumes.figures(pod, forever), what).toEqual([]);
    }
    unkind.clear();
    await node.unmount('u1');
  }, 60_000);

  it('with more than was asked is understood: later versions have fields that we skip', async () => {
    const { unkind } = await aDriver();
    // Field 100, a string; and for capabilities one with the unknown number 77.
    const more = Buffer.from([0xa2, 0x06, 1, 0x41]);
    const unknown = Buffer.from([0x0a, 4, 0x0a, 2, 0x08, 77]);
    const answer: UnkindAnswer = (stream, reply) =>
      sendMessage(stream, Buffer.concat([reply, more]));
    for (const call of [
      'stageVolume',
      'publishVolume',
      'unpublishVolume',
      'unstageVolume',
    ] as const)
      unkind.set(call, { works: true, answer });
    unkind.set('getCapabilities', {
      works: true,
      answer: (stream, reply) => sendMessage(stream, Buffer.concat([reply, unknown, more])),
    });
    await node.mount(pod);
    expect(await node.mounts()).toHaveLength(2);
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
  });
});

describe('a driver that says yes', () => {
  it('without having published anything gives its pod no volume', async () => {
    const { unkind } = await aDriver();
    unkind.set('publishVolume', { works: false, answer: (stream) => sendMessage(stream, NOTHING) });
    expect(await textOf(node.mount(pod))).toContain('but there is nothing at');
    expect(node.storage.volumes.placeOf('u1', 'data')).toBeUndefined();
    unkind.clear();
    await expect.poll(() => textOf(node.mount(pod)), patient).toBe('');
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
  });

  it('without having staged anything is asked to stage again', async () => {
    const { unkind } = await aDriver();
    unkind.set('stageVolume', { works: false, answer: (stream) => sendMessage(stream, NOTHING) });
    expect(await textOf(node.mount(pod))).toContain('code = FailedPrecondition');
    unkind.clear();
    await expect.poll(() => textOf(node.mount(pod)), patient).toBe('');
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
  });

  it.each(['unpublishVolume', 'unstageVolume'] as const)(
    'to %s without having done it is asked again',
    async (call) => {
      const { unkind } = await aDriver();
      await node.mount(pod);
      const yes = {
        works: false,
        answer: (stream: ServerHttp2Stream) => sendMessage(stream, NOTHING),
      };
      unkind.set(call, yes);
      const text = await textOf(node.unmount('u1'));
      if (call === 'unpublishVolume') expect(text).toContain('is still mounted');
      expect(await node.mounts()).not.toEqual([]);
      unkind.clear();
      await expect.poll(() => textOf(node.unmount('u1')), patient).toBe('');
      await expect.poll(() => node.mounts(), patient).toEqual([]);
    },
  );
});

/** A version of the driver without stages. */
function withoutStages(driver: Driver): Driver {
  const calls = Object.entries(driver.node!).filter(([name]) => !name.endsWith('stage'));
  return { ...driver, node: Object.fromEntries(calls) as unknown as NonNullable<Driver['node']> };
}

describe('a driver that is upgraded under running pods', () => {
  it('takes down what its earlier version published, and stages from then on', async () => {
    await node.driverObject(plain);
    await node.startDriver(withoutStages);
    await node.aBoundClaim('c');
    await node.mount(pod);
    expect(await node.mounts()).toHaveLength(1);
    await node.stopDriver();
    await node.startDriver();
    await expect.poll(() => textOf(node.mount(podOf('u2', 'c'))), patient).toBe('');
    expect(await node.mounts()).toHaveLength(3);
    await node.unmount('u1');
    expect(await node.mounts()).toHaveLength(2);
    await node.unmount('u2');
    expect(await node.mounts()).toEqual([]);
  });

  it('that stages no more is not asked to unstage, and nothing that is mounted is forgotten', async () => {
    await node.startDriver(); // no CSIDriver: volumes have to be attached
    const handle = await node.anAttachedClaim('c');
    await node.mount(pod);
    await node.stopDriver();
    await node.startDriver(withoutStages);
    await expect.poll(() => textOf(node.unmount('u1')), patient).toBe('');
    const said = (): readonly string[] => node.log.lines.map(({ fields }) => String(fields['err']));
    await expect.poll(said, patient).toContainEqual(expect.stringContaining('is still mounted'));
    expect(await node.mounts()).toHaveLength(1);
    expect(node.storage.volumesInUse()).toEqual([`kubernetes.io/csi/${DRIVER}^${handle}`]);
    await node.stopDriver();
    await node.startDriver();
    await expect.poll(() => node.mounts(), { timeout: 20_000 }).toEqual([]);
    expect(node.storage.volumesInUse()).toEqual([]);
  });

  it('answers on another socket from then on', async () => {
    const { unkind } = await aDriver();
    await node.mount(pod);
    unkind.set('unpublishVolume', { works: false, answer: (stream) => endCall(stream, 13, 'old') });
    await node.stopDriver();
    await node.startDriver();
    await expect.poll(() => textOf(node.unmount('u1')), patient).toBe('');
    expect(await node.mounts()).toEqual([]);
  });
});
