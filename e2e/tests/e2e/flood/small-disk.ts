import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type NodeSpace, runCommand } from '@nodeagent/testbed';

/** Folders of a node that fill up: images and writable layers, volumes, logs. */
const PLACES = ['containerd/root', 'kubelet/root', 'logs/pods'];

/** Puts everything that pods can fill on one small file system, apart from the machine's disks. */
export async function mountSmallDisk(
  { dir }: NodeSpace,
  { bytes, inodes }: Readonly<{ bytes: number; inodes: number }>,
): Promise<void> {
  const [image, disk] = [join(dir, 'disk.ext4'), join(dir, 'disk')];
  await mkdir(disk, { recursive: true });
  await writeFile(image, '');
  await truncate(image, bytes);
  const options = ['-q', '-m', '0', '-N', String(inodes), '-O', '^has_journal'];
  await runCommand(['mkfs.ext4', ...options, image]);
  await runCommand(['mount', '-o', 'loop', image, disk]);
  for (const place of PLACES) {
    const [from, to] = [join(disk, place), join(dir, place)];
    await mkdir(from, { recursive: true });
    await mkdir(to, { recursive: true });
    await runCommand(['mount', '--bind', from, to]);
  }
}
