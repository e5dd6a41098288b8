import type { Mounter } from '../ports.js';

export interface WarnOfSwapPorts {
  readonly mounter: Pick<Mounter, 'avoidsSwap'>;
  readonly events: { warning(reason: string, message: string): void };
}

const ON_DISK =
  'The tmpfs noswap option is not supported. Memory-backed volumes (e.g. secrets, emptyDirs, etc.) might be swapped to disk and should no longer be considered secure.';

/**
 * Reports that secrets may get to the disk.
 *
 * @param swapAreas files and devices that the kernel swaps to
 * @see Kubernetes 1.36 pkg/kubelet/cm/container_manager_linux.go, NewContainerManager
 */
export async function warnOfSwap(
  swapAreas: readonly string[],
  { mounter, events }: WarnOfSwapPorts,
): Promise<void> {
  if (swapAreas.length === 0 || (await mounter.avoidsSwap())) return;
  events.warning('PossibleMemoryBackedVolumesOnDisk', ON_DISK);
}
