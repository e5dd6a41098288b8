import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { RuntimeService } from '@nodeagent/cri-client';
import type { Cluster } from '@nodeagent/testbed';

/**
 * Returns everything that a node without pods must not have; each entry is a description with its
 * place.
 */
export async function findLeaks(
  cluster: Cluster,
  runtime: RuntimeService,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { dir, id } = cluster.space;
  const root = join(dir, 'kubelet/root');
  const [containers, sandboxes, mounts, ...folders] = await Promise.all([
    runtime.listContainers({}, signal),
    runtime.listPodSandbox({}, signal),
    readFile('/proc/self/mountinfo', 'utf8'),
    entries(join(root, 'pods')),
    entries(join(dir, 'logs/pods')),
    entries(join(dir, 'logs/containers')),
    addresses(join(dir, 'cni/addresses/testbed')),
    podCgroups(id),
  ]);
  return [
    ...containers.map((one) => `container ${one.id}`),
    ...sandboxes.map((one) => `sandbox ${one.id}`),
    ...mounts.split('\n').filter((line) => line.includes(`${root}/pods/`)),
    ...folders.flat(),
  ];
}

async function entries(path: string): Promise<readonly string[]> {
  const names = await readdir(path).catch(absent);
  return names.map((name) => join(path, name));
}

/** host-local keeps one file per used address, beside its lock and its last address. */
async function addresses(path: string): Promise<readonly string[]> {
  return (await entries(path)).filter((file) => !/\/(lock|last_reserved_ip\.\d+)$/.test(file));
}

async function podCgroups(root: string): Promise<readonly string[]> {
  const hierarchies = await readdir('/sys/fs/cgroup');
  const found = await Promise.all(
    ['', ...hierarchies].flatMap((hierarchy) =>
      ['kubepods', 'kubepods/burstable', 'kubepods/besteffort'].map((level) =>
        entries(join('/sys/fs/cgroup', hierarchy, root, level)),
      ),
    ),
  );
  return [...new Set(found.flat())].filter((path) => /\/pod[0-9a-f-]{36}$/.test(path));
}

function absent(error: unknown): readonly string[] {
  if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
  throw error;
}
