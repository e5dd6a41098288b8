import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Pod } from '@nodeagent/kube-client';
import type { Cluster } from '@nodeagent/testbed';

import { statusOf } from './pods.ts';

const ROOT = '/sys/fs/cgroup';
const isV2 = existsSync(join(ROOT, 'cgroup.controllers'));

/** The kernel's limits on a pod, or on one of its containers. */
export async function cgroupOf(
  cluster: Cluster,
  pod: Pod,
  container?: string,
): Promise<Readonly<{ quotaUs: number; memory: number }>> {
  const id = container && (statusOf(pod, container)?.containerID ?? '').replace(/^.*:\/\//, '');
  const path = join(pathOf(cluster, pod), id ?? '');
  const read = async (controller: string, file: string): Promise<string> =>
    (await readFile(join(ROOT, isV2 ? '' : controller, path, file), 'utf8')).trim();
  if (isV2) {
    const [quota = '', period = ''] = (await read('cpu', 'cpu.max')).split(' ');
    return {
      quotaUs: (Number(quota) * 100_000) / Number(period),
      memory: Number(await read('memory', 'memory.max')),
    };
  }
  return {
    quotaUs: Number(await read('cpu', 'cpu.cfs_quota_us')),
    memory: Number(await read('memory', 'memory.limit_in_bytes')),
  };
}

/**
 * Counts the processes that the kernel has killed for want of memory in a pod's containers, or in the
 * named one.
 */
export async function oomKillsIn(cluster: Cluster, pod: Pod, container?: string): Promise<number> {
  const controller = isV2 ? '' : 'memory';
  const file = isV2 ? 'memory.events' : 'memory.oom_control';
  let kills = 0;
  for (const { name, containerID = '' } of pod.status?.containerStatuses ?? []) {
    if (container !== undefined && name !== container) continue;
    const path = join(pathOf(cluster, pod), containerID.replace(/^.*:\/\//, ''));
    const text = await readFile(join(ROOT, controller, path, file), 'utf8');
    kills += Number(/^oom_kill (\d+)$/m.exec(text)?.[1]);
  }
  return kills;
}

/** Moves a process of the host into the pod's own cgroup, beside those of its containers. */
export async function joinCgroup(cluster: Cluster, pod: Pod, pid: number): Promise<void> {
  const dir = join(ROOT, isV2 ? '' : 'cpu', pathOf(cluster, pod));
  await writeFile(join(dir, 'cgroup.procs'), String(pid));
}

function pathOf(cluster: Cluster, { metadata, status }: Pod): string {
  const qos = status?.qosClass === 'Guaranteed' ? '' : (status?.qosClass ?? '').toLowerCase();
  return join(cluster.space.id, 'kubepods', qos, `pod${metadata?.uid ?? ''}`);
}
