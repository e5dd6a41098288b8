import type { NodePressure } from '../../pod/index.js';

/** The resource that a signal is about, as messages name it. */
export type ScarceResource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

/** A figure of the node that falls when a resource becomes scarce. */
export type Signal = keyof typeof SIGNALS;

/** @see Kubernetes 1.36 pkg/kubelet/eviction/helpers.go, signalToNodeCondition, signalToResource */
export const SIGNALS = {
  'memory.available': { condition: 'MemoryPressure', resource: 'memory' },
  'allocatableMemory.available': { condition: 'MemoryPressure', resource: 'memory' },
  'nodefs.available': { condition: 'DiskPressure', resource: 'ephemeral-storage' },
  'nodefs.inodesFree': { condition: 'DiskPressure', resource: 'inodes' },
  'imagefs.available': { condition: 'DiskPressure', resource: 'ephemeral-storage' },
  'imagefs.inodesFree': { condition: 'DiskPressure', resource: 'inodes' },
  'containerfs.available': { condition: 'DiskPressure', resource: 'ephemeral-storage' },
  'containerfs.inodesFree': { condition: 'DiskPressure', resource: 'inodes' },
  'pid.available': { condition: 'PIDPressure', resource: 'pids' },
} as const satisfies Readonly<
  Record<string, Readonly<{ condition: NodePressure; resource: ScarceResource }>>
>;

/** True for the names that `evictionHard` may have, such as `memory.available`. */
export function isSignal(name: string): name is Signal {
  return Object.hasOwn(SIGNALS, name);
}
