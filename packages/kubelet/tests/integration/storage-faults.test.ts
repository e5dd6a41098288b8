import { mkdir } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

import type { Driver } from '@nodeagent/csi';
import { afterEach, describe, expect, it } from 'vitest';

import { DRIVER, forever, plain, podOf, textOf, useStorageNode } from '../support/storage-node.js';

type Method = 'publish' | 'stage' | 'stats' | 'unpublish' | 'unstage';

const node = useStorageNode({}, 1500);
let release = (): void => undefined;

afterEach(() => release());

/** The method of the driver answers nothing before `release`, whatever becomes of its caller. */
function hangingIn(method: Method, isHeld: (volumeId: string) => boolean = () => true) {
  const held = Promise.withResolvers<undefined>();
  release = () => held.resolve(undefined);
  return (driver: Driver): Driver => {
    const own = driver.node!;
    const call = own[method]!.bind(own) as (request: object, signal: AbortSignal) => unknown;
    const hangs = async (request: Readonly<{ volumeId: string }>, signal: AbortSignal) => {
      if (isHeld(request.volumeId)) await held.promise;
      return call(request, signal);
    };
    return { ...driver, node: { ...own, [method]: hangs } };
  };
}

describe('a driver that hangs', () => {
  it.each(['stage', 'publish'] as const)('in %s holds its pod until it answers', async (method) => {
    await node.driverObject(plain);
    await node.startDriver(hangingIn(method));
    await node.aBoundClaim('c');
    expect(await textOf(node.mount(podOf('u1', 'c')))).toContain('code = DeadlineExceeded');
    // Its earlier call is still at work.
    await expect
      .poll(() => textOf(node.mount(podOf('u1', 'c'))), { timeout: 5000 })
      .toContain('code = Aborted');
    release();
    await expect.poll(() => textOf(node.mount(podOf('u1', 'c'))), { timeout: 10_000 }).toBe('');
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
  });

  it.each(['stage', 'publish'] as const)(
    'in %s lets the next pod have the volume, which is then taken down',
    async (method) => {
      await node.driverObject(plain);
      await node.startDriver(hangingIn(method));
      await node.aBoundClaim('c');
      expect(await textOf(node.mount(podOf('u1', 'c')))).toContain('code = DeadlineExceeded');
      // The pod's end waits until its volume is unpublished, but not until it is unstaged.
      const text = await textOf(node.unmount('u1'));
      if (method === 'publish') expect(text).toContain('is under way');
      else expect(text).toBe('');
      release();
      await expect.poll(() => textOf(node.unmount('u1')), { timeout: 10_000 }).toBe('');
      await expect.poll(() => textOf(node.mount(podOf('u2', 'c'))), { timeout: 10_000 }).toBe('');
      await node.unmount('u2');
      await expect.poll(() => node.mounts()).toEqual([]);
    },
  );

  it('in unpublish fails the end of its pod, until it answers', async () => {
    await node.driverObject(plain);
    await node.startDriver(hangingIn('unpublish'));
    await node.aBoundClaim('c');
    await node.mount(podOf('u1', 'c'));
    await expect(node.unmount('u1')).rejects.toMatchObject({ code: 'CSI_DEADLINE' });
    expect(await node.mounts()).not.toEqual([]);
    release();
    await expect.poll(() => textOf(node.unmount('u1')), { timeout: 10_000 }).toBe('');
    await expect.poll(() => node.mounts()).toEqual([]);
  });

  it('in unstage leaves the volume in use without its pod, until it answers', async () => {
    await node.startDriver(hangingIn('unstage')); // no CSIDriver: volumes have to be attached
    const handle = await node.anAttachedClaim('c');
    await node.mount(podOf('u1', 'c'));
    await node.unmount('u1');
    await node.unmount('u1');
    expect(await node.mounts()).toHaveLength(1);
    expect(node.storage.volumesInUse()).toEqual([`kubernetes.io/csi/${DRIVER}^${handle}`]);
    release();
    await expect.poll(() => node.mounts(), { timeout: 10_000 }).toEqual([]);
    await expect.poll(() => node.storage.volumesInUse()).toEqual([]);
  });

  it('holds up no other volume', async () => {
    await node.driverObject(plain);
    const held = await node.aBoundClaim('c');
    await node.aBoundClaim('d');
    await node.startDriver(hangingIn('stage', (volumeId) => volumeId === held));
    const mounted = textOf(node.mount(podOf('u1', 'c')));
    await node.mount(podOf('u2', 'd'));
    expect(await node.mounts()).toHaveLength(2);
    expect(await mounted).toContain('code = DeadlineExceeded');
    release();
    await expect.poll(() => textOf(node.mount(podOf('u1', 'c'))), { timeout: 10_000 }).toBe('');
    for (const uid of ['u1', 'u2']) await node.unmount(uid);
    expect(await node.mounts()).toEqual([]);
  });

  it('when it is asked for figures has none', async () => {
    await node.driverObject(plain);
    await node.startDriver(hangingIn('stats'));
    await node.aBoundClaim('c');
    await node.mount(podOf('u1', 'c'));
    expect(await node.storage.volumes.figures(podOf('u1', 'c'), forever)).toEqual([]);
    await node.unmount('u1');
  });
});

describe('a registration socket', () => {
  it.each<readonly [string, (socket: Socket) => void]>([
    ['does not answer', () => undefined],
    ['answers nonsense', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['closes at once', (socket) => socket.destroy()],
  ])('that %s holds up no driver', async (_, answer) => {
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      answer(socket);
    });
    const dir = join(node.rootDir, 'plugins_registry');
    await mkdir(dir, { recursive: true });
    await new Promise<void>((listens) => server.listen(join(dir, 'a-bad.sock'), listens));
    try {
      await node.driverObject(plain);
      await node.startDriver();
      await node.aBoundClaim('c');
      await node.mount(podOf('u1', 'c'));
      await node.unmount('u1');
      await expect
        .poll(() => node.log.lines.map(({ message }) => message), { timeout: 20_000 })
        .toContain('plug-in not registered');
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    }
  });
});
