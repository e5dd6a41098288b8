import { chown, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Pod } from '@nodeagent/kube-client';
import { expect, it } from 'vitest';

import { plain, podOf, useStorageNode } from '../support/storage-node.js';

const node = useStorageNode();
const GROUP = 4321;
const OTHER = 99;

const podWith = (uid: string, fsGroupChangePolicy: string): Pod =>
  podOf(uid, 'c', { securityContext: { fsGroup: GROUP, fsGroupChangePolicy } });

it.each([
  ['OnRootMismatch', OTHER],
  ['Always', GROUP],
])(
  'a CSI volume whose root has the group already, with policy %s: its files get group %s',
  async (policy, expected) => {
    await node.driverObject({ ...plain, fsGroupPolicy: 'File' });
    await node.startDriver();
    await node.aBoundClaim('c');
    const file = join(await node.mount(podWith('u1', policy)), 'file');
    await writeFile(file, '');
    await chown(file, 0, OTHER);
    await node.unmount('u1');
    const again = join(await node.mount(podWith('u2', policy)), 'file');
    expect((await stat(again)).gid).toBe(expected);
    await node.unmount('u2');
  },
);

it('a CSI volume whose root has another group is changed in spite of OnRootMismatch', async () => {
  await node.driverObject({ ...plain, fsGroupPolicy: 'File' });
  await node.startDriver();
  await node.aBoundClaim('c');
  const path = await node.mount(podOf('u1', 'c'));
  await writeFile(join(path, 'file'), '');
  await chown(path, 0, OTHER);
  await node.unmount('u1');
  const again = await node.mount(podWith('u2', 'OnRootMismatch'));
  for (const at of [again, join(again, 'file')]) expect((await stat(at)).gid).toBe(GROUP);
  await node.unmount('u2');
});

it('files that the file system does not let anyone change hold up no pod', async () => {
  await node.driverObject({ ...plain, fsGroupPolicy: 'File' });
  await node.startDriver((driver) => ({
    ...driver,
    node: {
      ...driver.node!,
      // as a file server may: what it exports is read-only, whatever was asked
      publish: (request, signal) => driver.node!.publish({ ...request, readonly: true }, signal),
    },
  }));
  await node.aBoundClaim('c');
  const path = await node.mount(podWith('u1', 'Always'));
  expect((await stat(path)).gid).not.toBe(GROUP);
  const message = 'files not given to the group of a pod';
  expect(node.log.lines).toContainEqual(expect.objectContaining({ message }));
  await node.unmount('u1');
});
