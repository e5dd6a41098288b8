import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Pod } from '@nodeagent/kube-client';
import { afterEach, describe, expect, it } from 'vitest';

import { devicePodOf, podOf, textOf, useStorageNode } from '../support/storage-node.js';

const node = useStorageNode();
const loops: string[] = [];

afterEach(() => {
  for (const device of loops.splice(0)) execFileSync('losetup', ['-d', device]);
});

/** A block device of this machine. */
async function aDevice(name: string): Promise<string> {
  const file = join(node.dir, name);
  await writeFile(file, '');
  await truncate(file, 32 << 20);
  const device = execFileSync('losetup', ['-f', '--show', file], { encoding: 'utf8' }).trim();
  loops.push(device);
  return device;
}

const local = (path: string, more: object = {}): object => ({
  csi: undefined,
  local: { path },
  ...more,
});

describe('a directory of this node by a claim', () => {
  it('is bound into the pod, and left as it is', async () => {
    const path = join(node.dir, 'disk');
    await mkdir(path);
    await writeFile(join(path, 'file'), 'hello');
    await node.aBoundClaim('c', { spec: local(path) });
    const at = await node.mount(podOf('u1', 'c'));
    expect(at).toBe(join(node.rootDir, 'pods/u1/volumes/kubernetes.io~local-volume/pv-c'));
    expect(await readFile(join(at, 'file'), 'utf8')).toBe('hello');
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
    expect(await readdir(path)).toEqual(['file']);
  });

  it('is read-only where the pod asks for that', async () => {
    const path = join(node.dir, 'disk');
    await mkdir(path);
    await node.aBoundClaim('c', { spec: local(path) });
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'c', readOnly: true } }];
    const at = await node.mount(podOf('u1', 'c', { volumes }));
    await expect(writeFile(join(at, 'file'), '')).rejects.toMatchObject({ code: 'EROFS' });
    await node.unmount('u1');
  });

  it('is given to the group of its first pod only', async () => {
    const path = join(node.dir, 'disk');
    await mkdir(path);
    await node.aBoundClaim('c', { spec: local(path) });
    const group = (fsGroup: number): Partial<NonNullable<Pod['spec']>> => ({
      securityContext: { fsGroup },
    });
    await node.mount(podOf('u1', 'c', group(4321)));
    await node.mount(podOf('u2', 'c', group(5432)));
    expect((await stat(path)).gid).toBe(4321);
    expect(node.events).toContain(
      'AlreadyMountedVolume: The requested fsGroup is 5432, but the volume pv-c has GID 4321. The volume may not be shareable.',
    );
    await node.unmount('u1');
    await node.unmount('u2');
  });

  it('of another node is not tried', async () => {
    const terms = [{ matchExpressions: [{ key: 'host', operator: 'In', values: ['node-2'] }] }];
    const nodeAffinity = { required: { nodeSelectorTerms: terms } };
    await node.aBoundClaim('c', { spec: local('/nowhere', { nodeAffinity }) });
    await expect(node.mount(podOf('u1', 'c'))).rejects.toMatchObject({
      message: 'no matching NodeSelectorTerms',
      step: { operation: 'MountVolume', name: 'NodeAffinity check', volume: 'pv-c' },
    });
  });

  it('must be one, or a device', async () => {
    const path = join(node.dir, 'file');
    await writeFile(path, '');
    await node.aBoundClaim('c', { spec: local(path) });
    await expect(node.mount(podOf('u1', 'c'))).rejects.toThrow(
      'only directory and block device are supported',
    );
    await node.unmount('u1');
  });
});

describe('a device of this node by a claim', () => {
  it('gets a file system, once, and is mounted once for two pods', async () => {
    await node.aBoundClaim('c', { spec: local(await aDevice('disk')) });
    await writeFile(join(await node.mount(podOf('u1', 'c')), 'file'), 'hello');
    const at = await node.mount(podOf('u2', 'c'));
    expect(await readFile(join(at, 'file'), 'utf8')).toBe('hello');
    const whole = join(node.rootDir, 'plugins/kubernetes.io/local-volume/mounts/pv-c');
    expect(await node.mounts()).toContain(whole);
    await node.unmount('u1');
    expect(await node.mounts()).toContain(whole);
    await node.unmount('u2');
    expect(await node.mounts()).toEqual([]);
    const again = await node.mount(podOf('u3', 'c'));
    expect(await readFile(join(again, 'file'), 'utf8')).toBe('hello');
    await node.unmount('u3');
  });

  it('with another file system than the volume names is not mounted, and the volume says so', async () => {
    const device = await aDevice('disk');
    execFileSync('mkfs.ext2', ['-q', device]);
    const fsType = 'xfs';
    await node.aBoundClaim('c', { spec: local(device, { local: { path: device, fsType } }) });
    const place = 'plugins/kubernetes.io/local-volume/mounts/pv-c';
    await expect(node.mount(podOf('u1', 'c'))).rejects.toMatchObject({ code: 'VOLUME_FORMAT' });
    const [event] = node.recorded;
    expect(event?.about).toMatchObject({ kind: 'PersistentVolume', name: 'pv-c' });
    expect(event).toMatchObject({ type: 'Warning', reason: 'FailedMountOnFilesystemMismatch' });
    expect(event?.message).toContain(
      `MountVolume failed for volume "pv-c" local: failed to mount device ${device} at ${join(node.rootDir, place)} (fstype: xfs)`,
    );
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
  });

  it('stays mounted for the node while an administrator has it mounted too', async () => {
    await node.aBoundClaim('c', { spec: local(await aDevice('disk')) });
    await node.mount(podOf('u1', 'c'));
    const whole = join(node.rootDir, 'plugins/kubernetes.io/local-volume/mounts/pv-c');
    const own = join(node.dir, 'own');
    await mkdir(own);
    execFileSync('mount', ['--bind', whole, own]);
    await expect(node.unmount('u1')).rejects.toThrow(
      `GetDeviceMountRefs check failed: the device mount path "${whole}" is still mounted by other references [${own}]`,
    );
    expect(await node.mounts()).toEqual([whole]);
    execFileSync('umount', [own]);
    await expect.poll(() => textOf(node.unmount('u1')), { timeout: 10_000 }).toBe('');
    expect(await node.mounts()).toEqual([]);
  });

  it('is a device for the pod where its mode says so', async () => {
    const device = await aDevice('disk');
    await node.aBoundClaim('c', { spec: local(device, { volumeMode: 'Block' }) });
    const link = await node.mount(devicePodOf('u1', 'c'));
    expect(link).toBe(join(node.rootDir, 'pods/u1/volumeDevices/kubernetes.io~local-volume/pv-c'));
    expect((await stat(link)).rdev).toBe((await stat(device)).rdev);
    const mapped = join(node.rootDir, 'plugins/kubernetes.io~local-volume/volumeDevices/pv-c/u1');
    expect((await lstat(mapped)).rdev).toBe((await stat(device)).rdev);
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
  });
});

describe('a directory of a file server', () => {
  it('fails with the words of mount(8) where there is no such server', async () => {
    await node.aBoundClaim('c', {
      spec: { csi: undefined, nfs: { server: '127.0.0.1', path: '/none' } },
    });
    await expect(node.mount(podOf('u1', 'c'))).rejects.toThrow(
      /Mounting arguments: -t nfs 127\.0\.0\.1:\/none .*kubernetes\.io~nfs\/pv-c/,
    );
    expect(await readdir(join(node.rootDir, 'pods/u1/volumes/kubernetes.io~nfs'))).toEqual([]);
    await node.unmount('u1');
  });
});
