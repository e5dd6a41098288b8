import type { FileSystemFigures } from '../../stats/index.js';
import type { Signal } from '../model/signal.js';
import type { NodeFigures, Observation } from '../model/snapshot.js';

/** Limit and use of a cgroup's memory. */
export interface MemoryReading {
  readonly limitBytes: number;
  readonly workingSetBytes: number;
  readonly atMs: number;
}

export interface NodeReadings {
  /** The whole machine. */
  readonly root: MemoryReading | undefined;
  /** The cgroup above all pods; undefined without a limit. */
  readonly pods: MemoryReading | undefined;
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
  const { root, pods, processes, nowMs } = readings;
  const found: (readonly [Signal, Observation | undefined])[] = [
    ['memory.available', root && ofMemory(root)],
    ['allocatableMemory.available', pods && ofMemory(pods)],
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

function ofMemory({ limitBytes, workingSetBytes, atMs }: MemoryReading): Observation {
  return { available: Math.max(0, limitBytes - workingSetBytes), capacity: limitBytes, atMs };
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
