import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Driver } from '@nodeagent/csi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type OtherKubelet, playOtherKubelet } from '../support/other-kubelet.js';
import { devicePodOf, DRIVER, plain, podOf, useStorageNode } from '../support/storage-node.js';

const node = useStorageNode();
let other: OtherKubelet;
/** The calls that our kubelet made since it took over. */
const calls: string[] = [];

function counted(driver: Driver): Driver {
  const own = driver.node as unknown as Record<string, (...request: unknown[]) => unknown>;
  const METHODS = ['stage', 'publish', 'unpublish', 'unstage'];
  const node = Object.fromEntries(
    METHODS.map((method) => [
      method,
      (...request: unknown[]) => {
        calls.push(method);
        return own[method]!.apply(driver.node, request);
      },
    ]),
  );
  return { ...driver, node: { ...driver.node!, ...node } };
}

beforeEach(async () => {
  await node.driverObject(plain);
  await node.startDriver(counted);
  other = playOtherKubelet(node.rootDir, join(node.dir, 'csi.sock'));
});
afterEach(() => other.close());

/** Lists the mounts by their numbers, none of which is given to a later one. */
async function mountNumbers(): Promise<readonly string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return lines.filter((line) => line.includes(node.rootDir)).map((line) => line.split(' ')[0]!);
}

const left = async (dir: string): Promise<readonly string[]> =>
  (await readdir(join(node.rootDir, dir), { recursive: true }).catch(() => [])).filter(
    (path) => !['driver', DRIVER, 'volumeDevices'].includes(path),
  );

async function takeOver(): Promise<void> {
  const before = node.verdicts.length;
  calls.length = 0;
  await node.startKubelet();
  await expect.poll(() => node.verdicts.length).toBe(before + 1); // the driver is registered again
}

describe('a node that another kubelet had, with volumes mounted', () => {
  it('keeps them mounted, for a pod that stays', async () => {
    const handle = await node.aBoundClaim('c', { parameters: { backing: 'image' } });
    await node.stopKubelet();
    await other.mount({ pv: 'pv-c', handle, podUid: 'u1' });
    const path = join(node.rootDir, 'pods/u1/volumes/kubernetes.io~csi/pv-c/mount');
    await writeFile(join(path, 'file'), 'hello');
    const before = await mountNumbers();
    expect(before).toHaveLength(2);
    await takeOver();
    expect(await node.mount(podOf('u1', 'c'))).toBe(path);
    expect(await readFile(join(path, 'file'), 'utf8')).toBe('hello');
    expect(await mountNumbers()).toEqual(before);
    expect(calls).not.toContain('unpublish');
    expect(calls).not.toContain('unstage');
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
    expect(await left(`plugins/kubernetes.io/csi/${DRIVER}`)).toEqual([]);
  });

  it('takes them down, of a pod that is gone', async () => {
    const handle = await node.aBoundClaim('c');
    await node.stopKubelet();
    await other.mount({ pv: 'pv-c', handle, podUid: 'u1' });
    await takeOver();
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
    expect(calls).toEqual(['unpublish', 'unstage']);
    expect(await left('pods/u1/volumes/kubernetes.io~csi')).toEqual([]);
  });

  it('gets back what we mounted, and can take it down', async () => {
    const handle = await node.aBoundClaim('c', { parameters: { backing: 'image' } });
    const path = await node.mount(podOf('u1', 'c'));
    await writeFile(join(path, 'file'), 'hello');
    const before = await mountNumbers();
    await node.stopKubelet();
    expect(await mountNumbers()).toEqual(before);
    await other.unmount({ pv: 'pv-c', handle, podUid: 'u1' });
    expect(await mountNumbers()).toEqual([]);
    await other.mount({ pv: 'pv-c', handle, podUid: 'u2' });
    await takeOver();
    const again = await node.mount(podOf('u2', 'c'));
    expect(await readFile(join(again, 'file'), 'utf8')).toBe('hello');
    await node.unmount('u2');
    expect(await node.mounts()).toEqual([]);
  });

  it('keeps devices mapped, for a pod that stays', async () => {
    const handle = await node.aBoundClaim('c', { block: true });
    await node.stopKubelet();
    await other.map({ pv: 'pv-c', handle, podUid: 'u1' });
    const before = await mountNumbers();
    expect(before).toHaveLength(2);
    await takeOver();
    const link = await node.mount(devicePodOf('u1', 'c'));
    expect(link).toBe(join(node.rootDir, 'pods/u1/volumeDevices/kubernetes.io~csi/pv-c'));
    expect(await mountNumbers()).toEqual(before);
    expect(calls).not.toContain('unpublish');
    expect(calls).not.toContain('unstage');
    await node.unmount('u1');
    expect(await node.mounts()).toEqual([]);
  });

  it('gets devices back that we mapped, and can take them down', async () => {
    const handle = await node.aBoundClaim('c', { block: true });
    await node.mount(devicePodOf('u1', 'c'));
    await node.stopKubelet();
    await other.unmap({ pv: 'pv-c', handle, podUid: 'u1' });
    expect(await mountNumbers()).toEqual([]);
    expect(await left('plugins/kubernetes.io/csi/volumeDevices')).toEqual(['publish', 'staging']);
  });
});
