import { execFileSync } from 'node:child_process';
import {
  lstat,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import {
  devicePodOf,
  DRIVER,
  plain,
  podOf,
  textOf,
  useStorageNode,
} from '../support/storage-node.js';

const node = useStorageNode();

/** Files that loop devices are on, below the node's directory. */
async function loopFiles(): Promise<readonly string[]> {
  const text = execFileSync('losetup', ['--noheadings', '--output', 'BACK-FILE'], {
    encoding: 'utf8',
  });
  const real = await realpath(node.dir);
  return text.split('\n').flatMap((line) => {
    const path = line.trim().replace(/ \(deleted\)$/, '');
    return path.startsWith(real) ? [path.slice(real.length + 1)] : [];
  });
}

async function write(path: string, text: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(Buffer.from(text.padEnd(512)), 0, 512, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function read(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    return (await file.read(Buffer.alloc(512), 0, 512, 0)).buffer.toString().trimEnd();
  } finally {
    await file.close();
  }
}

const csiDir = (): string => join(node.rootDir, 'plugins/kubernetes.io/csi/volumeDevices');

describe('a block volume', () => {
  it('is a link to its device, which a bind mount and a loop device hold', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    const handle = await node.aBoundClaim('c', { block: true });
    const link = await node.mount(devicePodOf('u1', 'c'));
    expect(link).toBe(join(node.rootDir, 'pods/u1/volumeDevices/kubernetes.io~csi/pv-c'));
    expect(await readlink(link)).toBe(join(csiDir(), 'publish/pv-c/u1'));
    expect((await stat(link)).isBlockDevice()).toBe(true);
    expect((await stat(join(csiDir(), 'pv-c/dev/u1'))).rdev).toBe((await stat(link)).rdev);
    expect((await lstat(join(csiDir(), 'staging/pv-c'))).isDirectory()).toBe(true);
    const data = JSON.parse(
      await readFile(join(csiDir(), 'pv-c/data/vol_data.json'), 'utf8'),
    ) as object;
    expect(data).toEqual({
      attachmentID: expect.stringMatching(/^csi-[0-9a-f]{64}$/) as string,
      driverName: DRIVER,
      nodeName: 'node-1',
      specVolID: 'pv-c',
      volumeHandle: handle,
    });
    const path = (dir: string): string => join(node.rootDir, dir);
    expect(node.events).toEqual([
      `SuccessfulMountVolume: MapVolume.MapPodDevice succeeded for volume "pv-c" globalMapPath "${join(csiDir(), 'pv-c/dev')}"`,
      `SuccessfulMountVolume: MapVolume.MapPodDevice succeeded for volume "pv-c" volumeMapPath "${path('pods/u1/volumeDevices/kubernetes.io~csi')}"`,
    ]);
    expect(await loopFiles()).toContain(
      'kubelet/plugins/kubernetes.io/csi/volumeDevices/pv-c/dev/u1',
    );
    await node.unmount('u1');
  });

  it('keeps its data, and leaves nothing behind', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c', { block: true });
    await write(await node.mount(devicePodOf('u1', 'c')), 'hello');
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
    expect(await loopFiles()).toEqual([]);
    expect(await readdir(csiDir())).toEqual(['publish', 'staging']);
    expect(await readdir(join(csiDir(), 'publish'))).toEqual([]);
    expect(await readdir(join(csiDir(), 'staging'))).toEqual([]);
    expect(await read(await node.mount(devicePodOf('u2', 'c')))).toBe('hello');
    await node.unmount('u2');
  });

  it('is one device for two pods, and goes with the last', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c', { block: true });
    const [a, b] = await Promise.all([
      node.mount(devicePodOf('u1', 'c')),
      node.mount(devicePodOf('u2', 'c')),
    ]);
    await write(a, 'hello');
    await node.unmount('u1');
    expect(await read(b)).toBe('hello');
    await node.unmount('u2');
    expect(await node.mounts()).toEqual([]);
  });

  it('is found and taken down by the next kubelet', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c', { block: true });
    await write(await node.mount(devicePodOf('u1', 'c')), 'hello');
    await node.stopKubelet();
    await node.startKubelet();
    await expect.poll(() => node.verdicts.length).toBe(2);
    expect(await read(await node.mount(devicePodOf('u1', 'c')))).toBe('hello');
    await node.stopKubelet();
    await node.startKubelet();
    await expect.poll(() => node.verdicts.length).toBe(3);
    await node.unmount('u1'); // without another look at the pod
    expect(await node.mounts()).toEqual([]);
    expect(await loopFiles()).toEqual([]);
  });

  it('is not taken from the node while something of another pod is left there', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c', { block: true });
    await node.mount(devicePodOf('u1', 'c'));
    const strange = join(csiDir(), 'pv-c/dev/of no pod');
    await writeFile(strange, '');
    await node.unmount('u1');
    expect((await lstat(join(csiDir(), 'staging/pv-c'))).isDirectory()).toBe(true);
    const why = `the device "${join(csiDir(), 'pv-c/dev')}" is still referenced from other Pods [of no pod]`;
    expect(String(node.log.lines.at(-1)?.fields['err'])).toContain(why);
    await unlink(strange);
    await expect.poll(() => readdir(join(csiDir(), 'staging')), { timeout: 10_000 }).toEqual([]);
  });

  it('stays in use while its driver is away', async () => {
    await node.startDriver();
    await node.aBoundClaim('c', { block: true });
    await node.driverObject(plain);
    await node.mount(devicePodOf('u1', 'c'));
    await node.stopDriver();
    await expect
      .poll(() =>
        node.unmount('u1').then(
          () => 'gone',
          (error: unknown) => (error as Error).message,
        ),
      )
      .toContain(`driver name ${DRIVER} not found`);
    await node.startDriver();
    await expect.poll(() => textOf(node.unmount('u1')), { timeout: 10_000 }).toBe('');
    expect(await node.mounts()).toEqual([]);
  });

  it('is no volume of files, and the other way round', async () => {
    await node.aBoundClaim('block', { block: true });
    await node.aBoundClaim('files');
    await expect(node.mount(podOf('u1', 'block'))).rejects.toThrow(
      'volume data has volumeMode Block, but is specified in volumeMounts',
    );
    await expect(node.mount(devicePodOf('u1', 'files'))).rejects.toThrow(
      'volume data has volumeMode Filesystem, but is specified in volumeDevices',
    );
  });

  it('leaves nothing when its driver refuses it', async () => {
    await node.driverObject(plain);
    await node.startDriver();
    await node.aBoundClaim('c', {
      block: true,
      spec: { csi: { driver: DRIVER, volumeHandle: 'no-such-volume' } },
    });
    await expect(node.mount(devicePodOf('u1', 'c'))).rejects.toMatchObject({
      step: { operation: 'MapVolume', name: 'SetUpDevice', volume: 'pv-c' },
    });
    await node.unmount('u1');
    expect(await readdir(csiDir())).toEqual(['staging']);
  });
});
