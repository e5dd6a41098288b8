import type { MeasuredPod, PodDisk } from '../../stats/index.js';
import { podFigures } from '../../stats/index.js';
import type { ContainerUse, DiskUse, PodFigures } from '../model/snapshot.js';

/** Collects the resources that a pod uses; disks are as old as their last measurement. */
export function figuresOfPod(pod: MeasuredPod): PodFigures {
  const { disk } = pod;
  const containers = pod.containers.map((each): ContainerUse => {
    const layer = each.reported?.writableLayer;
    const logs = disk?.logs.get(each.name);
    return {
      name: each.name,
      memoryBytes: each.reported?.memory?.workingSetBytes ?? each.usage?.memory?.workingSetBytes,
      rootfs: layer && { bytes: layer.usedBytes ?? 0, inodes: layer.inodesUsed ?? 0 },
      logs: logs && { bytes: logs.usedBytes, inodes: logs.inodesUsed },
    };
  });
  return {
    memoryBytes: podFigures(pod)?.workingSetBytes,
    processes: pod.usage?.threads,
    containers,
    volumes: (disk?.volumes ?? []).map(({ name, used }) => ({
      ...{ name, bytes: used.usedBytes, inodes: used.inodesUsed },
    })),
    ephemeralBytes: disk && ephemeralBytes(containers, disk),
  };
}

/** Writable layers, logs, volumes on the node's disk and the kubelet's files for the pod. */
function ephemeralBytes(containers: readonly ContainerUse[], { own, volumes }: PodDisk): number {
  const parts: (DiskUse | undefined)[] = containers.flatMap(({ rootfs, logs }) => [rootfs, logs]);
  let sum = own?.usedBytes ?? 0;
  for (const part of parts) sum += part?.bytes ?? 0;
  for (const { used, isEphemeral } of volumes) if (isEphemeral) sum += used.usedBytes;
  return sum;
}
