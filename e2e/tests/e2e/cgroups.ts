import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Pod } from '@nodeagent/kube-client';
import type { Cluster } from '@nodeagent/testbed';

import { statusOf } from './pods.ts';

const ROOT = '/sys/fs/cgroup';
const isV2 = existsSync(join(ROOT, 'cgroup.controllers'));

/** What the kernel holds a pod, or one of its containers, to. */
export async function cgroupOf(
  cluster: Cluster,
  pod: Pod,
  container?: string,
): Promise<Readonly<{ quotaUs: number; memory: number }>> {
  const { uid = '' } = pod.metadata ?? {};
  const id = container && (statusOf(pod, container)?.containerID ?? '').replace(/^.*:\/\//, '');
  const qos = pod.status?.qosClass === 'Guaranteed' ? '' : 'burstable';
  const path = join(cluster.space.id, 'kubepods', qos, `pod${uid}`, id ?? '');
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
