import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, expect, it } from 'vitest';

import { plain, podOf, useStorageNode } from '../support/storage-node.js';

const node = useStorageNode();
const held: string[] = [];

afterEach(() => {
  for (const path of held.splice(0)) execFileSync('umount', [path]);
});

it.each([
  ['a directory', {}],
  ['a file system', { backing: 'image' }],
])('%s that something else shows stays staged until that is unmounted', async (_, parameters) => {
  const calls: string[] = [];
  await node.driverObject(plain);
  await node.startDriver((driver) => ({
    ...driver,
    node: {
      ...driver.node!,
      unstage: async (request, signal) => {
        calls.push('unstage');
        await driver.node!.unstage!(request, signal);
      },
    },
  }));
  await node.aBoundClaim('c', { parameters, bytes: 16 << 20 });
  const path = await node.mount(podOf('u1', 'c'));
  const other = join(node.dir, 'other');
  await mkdir(other);
  execFileSync('mount', ['--bind', path, other]);
  held.push(other);
  await node.unmount('u1');
  expect(calls).toEqual([]);
  expect((await node.mounts()).filter((one) => one.endsWith('globalmount'))).toHaveLength(1);
  expect(String(node.log.lines.at(-1)?.fields['err'])).toMatch(
    /GetDeviceMountRefs check failed: the device mount path ".*globalmount" is still mounted by other references \[.*other\]/,
  );
  execFileSync('umount', [held.pop()!]);
  await expect.poll(() => calls, { timeout: 10_000 }).toEqual(['unstage']);
  await expect.poll(() => node.mounts()).toEqual([]);
});

it('two volumes of one file server do not hold each other', async () => {
  await node.driverObject(plain);
  await node.startDriver();
  await node.aBoundClaim('c');
  await node.aBoundClaim('d');
  const [path] = [await node.mount(podOf('u1', 'c')), await node.mount(podOf('u2', 'd'))];
  // as if both were the same directory of the server: the second volume's places show the first
  const [second = ''] = (await node.mounts()).filter((one) => one.includes('/u2/'));
  execFileSync('mount', ['--bind', path, second]);
  await node.unmount('u1');
  expect(node.log.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  await node.unmount('u2');
});
