import { describe, expect, it } from 'vitest';

import { createDriver, CsiError, type CsiServices, type Driver, pageOf } from '../../src/index.js';
import { toFailure } from '../../src/model/errors.js';
import { connectInMemory, createMemoryDriver, SINGLE_WRITER } from '../../src/testing/index.js';

const forever = new AbortController().signal;
const volumeCapability = SINGLE_WRITER;

/** Three methods are a driver. */
function smallest(more: Partial<Driver['node']> = {}): Driver {
  return {
    name: 'small.example.com',
    version: '1',
    node: { nodeId: 'n', publish: async () => {}, unpublish: async () => {}, ...more },
  };
}

describe('a driver of three methods', () => {
  const csi = connectInMemory(smallest());

  it('publishes and unpublishes', async () => {
    const request = { volumeId: 'v', targetPath: '/t', volumeCapability };
    expect(await csi.node.publishVolume(request, forever)).toEqual({});
    expect(await csi.node.unpublishVolume(request, forever)).toEqual({});
  });

  it('claims nothing that it does not have', async () => {
    expect(await csi.node.getCapabilities({}, forever)).toEqual({ capabilities: [] });
    expect(await csi.identity.getPluginCapabilities({}, forever)).toEqual({ capabilities: [] });
  });

  it('is ready', async () => {
    expect(await csi.identity.probe({}, forever)).toEqual({ ready: true });
  });

  const calls: readonly [string, (csi: CsiServices) => Promise<unknown>][] = [
    ['stageVolume', ({ node }) => node.stageVolume({}, forever)],
    ['unstageVolume', ({ node }) => node.unstageVolume({}, forever)],
    ['getVolumeStats', ({ node }) => node.getVolumeStats({}, forever)],
    ['expandVolume', ({ node }) => node.expandVolume({}, forever)],
    ['createVolume', ({ controller }) => controller.createVolume({}, forever)],
    ['deleteVolume', ({ controller }) => controller.deleteVolume({}, forever)],
    ['getCapabilities', ({ controller }) => controller.getCapabilities({}, forever)],
    ['publishVolume', ({ controller }) => controller.publishVolume({}, forever)],
    ['unpublishVolume', ({ controller }) => controller.unpublishVolume({}, forever)],
    ['validate', ({ controller }) => controller.validateVolumeCapabilities({}, forever)],
    ['listVolumes', ({ controller }) => controller.listVolumes({}, forever)],
    ['getVolume', ({ controller }) => controller.getVolume({}, forever)],
    ['modifyVolume', ({ controller }) => controller.modifyVolume({}, forever)],
    ['getCapacity', ({ controller }) => controller.getCapacity({}, forever)],
    ['expandVolume', ({ controller }) => controller.expandVolume({}, forever)],
    ['createSnapshot', ({ controller }) => controller.createSnapshot({}, forever)],
    ['deleteSnapshot', ({ controller }) => controller.deleteSnapshot({}, forever)],
    ['listSnapshots', ({ controller }) => controller.listSnapshots({}, forever)],
    ['getSnapshot', ({ controller }) => controller.getSnapshot({}, forever)],
    [
      'createVolumeGroupSnapshot',
      ({ groupController }) => groupController.createVolumeGroupSnapshot({}, forever),
    ],
    [
      'getMetadataDelta',
      async ({ snapshotMetadata }) => {
        const parts: unknown[] = [];
        for await (const part of snapshotMetadata.getMetadataDelta({}, forever)) parts.push(part);
      },
    ],
  ];
  it.each(calls)('answers %s with UNIMPLEMENTED', async (_, call) => {
    await expect(call(csi)).rejects.toMatchObject({ code: 'CSI_UNIMPLEMENTED' });
  });
});

describe('operations on one volume', () => {
  /** Calls of the driver that wait until they are let go. */
  function held(): Readonly<{ driver: Driver; letGo: () => void; started: () => number }> {
    const gate = Promise.withResolvers<undefined>();
    let started = 0;
    const wait = async (): Promise<void> => {
      started += 1;
      await gate.promise;
    };
    const driver = smallest({
      publish: wait,
      unpublish: wait,
      stage: wait,
      unstage: wait,
      expand: async () => {
        await wait();
        return {};
      },
    });
    return { driver, letGo: () => gate.resolve(undefined), started: () => started };
  }
  const publish = (csi: CsiServices, volumeId: string, targetPath: string) =>
    csi.node.publishVolume(
      { volumeId, targetPath, stagingTargetPath: '/s', volumeCapability },
      forever,
    );
  const stage = (csi: CsiServices, volumeId: string, stagingTargetPath: string) =>
    csi.node.stageVolume({ volumeId, stagingTargetPath, volumeCapability }, forever);

  const pairs: readonly {
    readonly name: string;
    readonly second: (csi: CsiServices) => Promise<unknown>;
    readonly first: (csi: CsiServices) => Promise<unknown>;
    readonly together: boolean;
  }[] = [
    {
      name: 'publish at two paths at once',
      first: (csi) => publish(csi, 'v', '/a'),
      second: (csi) => publish(csi, 'v', '/b'),
      together: true,
    },
    {
      name: 'publish at one path one after the other',
      first: (csi) => publish(csi, 'v', '/a'),
      second: (csi) => publish(csi, 'v', '/a'),
      together: false,
    },
    {
      name: 'publish two volumes at one path one after the other',
      first: (csi) => publish(csi, 'v', '/a'),
      second: (csi) => publish(csi, 'w', '/a'),
      together: false,
    },
    {
      name: 'stage one after the other',
      first: (csi) => stage(csi, 'v', '/s'),
      second: (csi) => stage(csi, 'v', '/t'),
      together: false,
    },
    {
      name: 'stage two volumes at once',
      first: (csi) => stage(csi, 'v', '/s'),
      second: (csi) => stage(csi, 'w', '/t'),
      together: true,
    },
    {
      name: 'do not publish while one is staged',
      first: (csi) => stage(csi, 'v', '/s'),
      second: (csi) => publish(csi, 'v', '/a'),
      together: false,
    },
    {
      name: 'do not expand while one is published',
      first: (csi) => publish(csi, 'v', '/a'),
      second: (csi) => csi.node.expandVolume({ volumeId: 'v', volumePath: '/a' }, forever),
      together: false,
    },
  ];
  it.each(pairs)('$name', async ({ first, second, together }) => {
    const { driver, letGo, started } = held();
    const csi = connectInMemory(driver);
    const one = first(csi);
    await expect.poll(started).toBe(1);
    const other = second(csi).then(
      () => 'done',
      (error: unknown) => (error as CsiError).code,
    );
    if (together) await expect.poll(started).toBe(2);
    else expect(await other).toBe('CSI_ABORTED');
    letGo();
    await one;
    expect(await other).toBe(together ? 'done' : 'CSI_ABORTED');
    // nothing stays held
    expect(await second(csi)).toBeDefined();
  });

  it('are free again after one failed', async () => {
    const driver = createMemoryDriver();
    const csi = connectInMemory(driver);
    const request = { name: 'a', volumeCapabilities: [SINGLE_WRITER] };
    driver.failNext('create', new CsiError('CSI_UNAVAILABLE', 'not now'));
    await expect(csi.controller.createVolume(request, forever)).rejects.toThrow('not now');
    expect((await csi.controller.createVolume(request, forever)).volume?.volumeId).toBe(
      'volume-of-a',
    );
  });
});

describe('a request', () => {
  const csi = connectInMemory(smallest({ stage: async () => {}, unstage: async () => {} }));
  const good = { volumeId: 'v', targetPath: '/t', stagingTargetPath: '/s', volumeCapability };
  const bad: readonly [string, object, string][] = [
    ['a relative path', { targetPath: 't' }, 'targetPath is not absolute'],
    ['a step upwards', { targetPath: '/a/../b' }, 'targetPath contains ..'],
    ['a NUL', { targetPath: '/a\0b' }, 'targetPath contains a NUL'],
    ['a path beyond PATH_MAX', { targetPath: `/${'a'.repeat(4095)}` }, 'longer than 4095 bytes'],
    ['a staging path upwards', { stagingTargetPath: '/..' }, 'stagingTargetPath contains ..'],
    ['a long id', { volumeId: 'v'.repeat(129) }, 'volumeId is longer than 128 bytes'],
    ['a large context', { publishContext: { k: 'v'.repeat(4096) } }, 'larger than 4096 bytes'],
    [
      'no access type',
      { volumeCapability: { accessMode: { mode: 'single-node-writer' } } },
      'neither block nor mount',
    ],
    ['no access mode', { volumeCapability: { access: SINGLE_WRITER.access } }, 'no access mode'],
  ];
  it.each(bad)('with %s is refused', async (_, change, message) => {
    const call = csi.node.publishVolume({ ...good, ...change }, forever);
    await expect(call).rejects.toMatchObject({
      code: 'CSI_INVALID_ARGUMENT',
      detail: expect.stringContaining(message) as string,
    });
  });

  it('is told all that is wrong with it at once', async () => {
    const call = csi.node.publishVolume({ targetPath: 'x' }, forever);
    await expect(call).rejects.toMatchObject({
      detail: 'volumeId is missing; targetPath is not absolute: x; volumeCapability is missing',
    });
  });

  it('that was not staged is refused, but for a volume of one pod', async () => {
    const unstaged = { ...good, stagingTargetPath: '' };
    await expect(csi.node.publishVolume(unstaged, forever)).rejects.toMatchObject({
      code: 'CSI_FAILED_PRECONDITION',
    });
    const volumeContext = { 'csi.storage.k8s.io/ephemeral': 'true' };
    await csi.node.publishVolume({ ...unstaged, volumeContext }, forever);
  });
});

describe('createDriver', () => {
  it('refuses a driver with everything that is wrong with it', () => {
    const driver = {
      name: 'no domain/name',
      version: '',
      node: {
        nodeId: '',
        publish: async () => {},
        unpublish: async () => {},
        stage: async () => {},
      },
      controller: { create: async () => ({}) },
    };
    expect(() => createDriver(driver)).toThrow(
      'name "no domain/name" is not a domain name of at most 63 characters; version is missing; ' +
        'node.nodeId must have 1 to 256 bytes; node.stage and node.unstage go together; ' +
        'controller.create and controller.delete go together',
    );
    expect(() => createDriver({ name: 'a', version: '1' })).toThrow('neither node nor controller');
  });
});

describe('an error', () => {
  it.each([
    [new CsiError('CSI_NOT_FOUND', 'gone'), { status: 'NOT_FOUND', detail: 'gone' }],
    [new CsiError('CSI_BAD_DRIVER', 'odd'), { status: 'INTERNAL', detail: 'odd' }],
    [new Error('EIO'), { status: 'INTERNAL', detail: 'EIO' }],
    ['text', { status: 'INTERNAL', detail: 'text' }],
  ])('%s reaches the caller', (error, failure) => {
    expect(toFailure(error)).toEqual(failure);
  });
});

describe(pageOf, () => {
  const items = ['a', 'b', 'c', 'd'];
  const page = (maxEntries: number, startingToken = '') =>
    pageOf(items, (item) => item, { maxEntries, startingToken });
  it('gives everything without a limit', () => {
    expect(page(0)).toEqual({ items, nextToken: '' });
    expect(page(4)).toEqual({ items, nextToken: '' });
  });
  it('goes on after the last item, also when that is gone', () => {
    const { nextToken } = page(2);
    expect(page(2, nextToken)).toEqual({ items: ['c', 'd'], nextToken: '' });
    const without = ['a', 'c', 'd'];
    expect(
      pageOf(without, (item) => item, { maxEntries: 1, startingToken: nextToken }).items,
    ).toEqual(['c']);
  });
  it('refuses a token of no page', () => {
    expect(() => page(1, 'x')).toThrow('belongs to no page');
  });
});
