import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { mountsOf } from './proc.ts';

/**
 * Creates an empty cgroup of this name in every hierarchy, v1 and v2, as the root for a kubelet's
 * pods.
 */
export async function createCgroups(name: string): Promise<void> {
  const hierarchies = mountsOf('self').filter(
    ({ mountPoint, source }) =>
      mountPoint.startsWith('/sys/fs/cgroup') && / cgroup2? /.test(` ${source} `),
  );
  for (const { mountPoint } of hierarchies) {
    const path = join(mountPoint, name);
    if (!existsSync(path)) await mkdir(path);
  }
}
