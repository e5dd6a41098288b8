/** The file of a manager that this kubelet does not have, below the root directory. */
export type ManagerCheckpoint =
  'cpu_manager_state' | 'memory_manager_state' | 'device-plugins/kubelet_internal_checkpoint';

/** Each file, with what its manager gives to containers for themselves. */
export const MANAGER_CHECKPOINTS: readonly Readonly<{ name: ManagerCheckpoint; gives: string }>[] =
  [
    { name: 'cpu_manager_state', gives: 'CPUs' },
    { name: 'memory_manager_state', gives: 'memory of NUMA nodes' },
    { name: 'device-plugins/kubelet_internal_checkpoint', gives: 'devices' },
  ];

interface Checkpoint {
  /** CPU and memory manager: what each container has, by the pod's uid. */
  readonly entries?: unknown;
  /** The same for pods whose containers share it. */
  readonly podEntries?: unknown;
  readonly Data?: { readonly PodDeviceEntries?: unknown } | null;
}

/**
 * Returns true if a manager of another kubelet has given something to a container for itself.
 *
 * @param text the content of its checkpoint
 * @throws {SyntaxError} if it is not JSON
 * @see Kubernetes 1.36 pkg/kubelet/cm/cpumanager/state/checkpoint.go, memorymanager/state/checkpoint.go,
 *   devicemanager/checkpoint/checkpoint.go
 */
export function isAnythingGiven(text: string): boolean {
  const checkpoint = JSON.parse(text) as Checkpoint | null;
  if (typeof checkpoint !== 'object' || checkpoint === null) return false;
  const { entries, podEntries, Data } = checkpoint;
  return [entries, podEntries, Data?.PodDeviceEntries].some(
    (held) => typeof held === 'object' && held !== null && Object.keys(held).length > 0,
  );
}
