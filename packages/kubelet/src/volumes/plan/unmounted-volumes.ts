import type { Volume } from '@nodeagent/kube-client';

import { isVolumeError } from '../model/errors.js';
import { managedKind } from '../model/pod-paths.js';

/** A volume of a pod that could not be prepared. */
export interface VolumeFailure {
  readonly volume: Volume;
  readonly cause: unknown;
  /** The text of the cause. */
  readonly why: string;
}

/**
 * True if the failure came before any step of mounting: the claim or its volume cannot be used, or
 * this kubelet does not know the kind.
 */
export function isUnprocessed({ volume, cause }: VolumeFailure): boolean {
  if (volume.hostPath !== undefined || managedKind(volume) !== undefined) return false;
  return isVolumeError(cause) && cause.step === undefined;
}

function isUnattached({ cause }: VolumeFailure): boolean {
  return isVolumeError(cause) && cause.step?.name === 'WaitForAttach';
}

/** @see Kubernetes 1.36 pkg/kubelet/volumemanager/volume_manager.go, WaitForAttachAndMount */
export function unmountedText(failures: readonly VolumeFailure[]): string {
  const names = (some: readonly VolumeFailure[]): string =>
    some
      .map(({ volume }) => volume.name)
      .sort()
      .join(' ');
  const unprocessed = failures.filter(isUnprocessed);
  const told = unprocessed.length > 0 ? unprocessed : failures.slice(0, 1);
  const lists = [
    `unmounted volumes=[${names(failures)}]`,
    `unattached volumes=[${names(failures.filter(isUnattached))}]`,
    `failed to process volumes=[${names(unprocessed)}]`,
  ];
  return `${lists.join(', ')}: ${told.map(({ why }) => why).join('; ')}`;
}
