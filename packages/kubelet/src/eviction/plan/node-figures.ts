import type { CgroupUsage } from '@nodeagent/cgroups';

import type { FileSystemFigures } from '../../stats/index.js';
import type { Signal } from '../model/signal.js';
import type { NodeFigures, Observation } from '../model/snapshot.js';

export interface NodeReadings {
  readonly memoryBytes: number;
  readonly root: CgroupUsage | undefined;
  /** The cgroup above all pods. */
  readonly pods: CgroupUsage | undefined;
  readonly processes: Readonly<{ max: number; current: number }> | undefined;
  readonly nodeFs: FileSystemFigures | undefined;
  readonly imageFs: FileSystemFigures | undefined;
  readonly containerFs: FileSystemFigures | undefined;
  readonly nowMs: number;
}

/**
 * Computes the signals; a signal whose figures are unknown is left out.
 *
 * @see Kubernetes 1.36 pkg/kubelet/eviction/helpers.go, makeSignalObservations
 */
export function nodeFigures(readings: NodeReadings): NodeFigures {
  const { memoryBytes, root, pods, processes, nowMs } = readings;
  const limit = pods?.limits.memoryBytes;
  const found: (readonly [Signal, Observation | undefined])[] = [
    ['memory.available', ofMemory(memoryBytes, root)],
    ['allocatableMemory.available', limit === undefined ? undefined : ofMemory(limit, pods)],
    ...ofFileSystem('nodefs', readings.nodeFs),
    ...ofFileSystem('imagefs', readings.imageFs),
    ...ofFileSystem('containerfs', readings.containerFs),
    [
      'pid.available',
      processes && {
        available: processes.max - processes.current,
        capacity: processes.max,
        atMs: nowMs,
      },
    ],
  ];
  return new Map(found.flatMap(([signal, seen]) => (seen === undefined ? [] : [[signal, seen]])));
}

function ofMemory(capacity: number, usage: CgroupUsage | undefined): Observation | undefined {
  const used = usage?.memory?.workingSetBytes;
  if (usage === undefined || used === undefined) return undefined;
  return { available: Math.max(0, capacity - used), capacity, atMs: usage.atMs };
}

function ofFileSystem(
  name: 'nodefs' | 'imagefs' | 'containerfs',
  fs: FileSystemFigures | undefined,
): readonly (readonly [Signal, Observation])[] {
  if (fs === undefined) return [];
  const { atMs, availableBytes, capacityBytes, inodes, inodesFree } = fs;
  return [
    [`${name}.available`, { available: availableBytes, capacity: capacityBytes, atMs }],
    [`${name}.inodesFree`, { available: inodesFree, capacity: inodes, atMs }],
  ];
}
