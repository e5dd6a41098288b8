import {
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  selects,
} from '@nodeagent/kube-client';

import { isDeleting, sorted } from '../objects.js';
import { bytesOf, classOf, isForClaim, isReachable } from './claims.js';

export interface MatchRules {
  /** Given when the pod's node is known: only volumes that it can reach. */
  readonly node?: Node;
  /** Only volumes that name the claim: all others wait for the scheduler. */
  readonly onlyNamed?: boolean;
  /** Names of volumes that other claims get in the same plan. */
  readonly taken?: ReadonlySet<string>;
}

/**
 * Returns the volume for a claim: one that names the claim, or else the smallest one that is large
 * enough and free.
 *
 * @see Kubernetes 1.36 component-helpers/storage/volume/pv_helpers.go, FindMatchingVolume
 */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: Iterable<PersistentVolume>,
  { node, onlyNamed = false, taken = new Set() }: MatchRules = {},
): PersistentVolume | undefined {
  let best: PersistentVolume | undefined;
  for (const volume of sorted(volumes)) {
    if (taken.has(volume.metadata?.name ?? '') || isDeleting(volume)) continue;
    if (isTooSmall(volume, claim) || volumeMode(volume) !== volumeMode(claim)) continue;
    if (volume.spec?.claimRef !== undefined) {
      if (!isForClaim(volume, claim)) continue;
      if (node === undefined || isReachable(volume, node)) return volume;
      continue;
    }
    if (onlyNamed || volume.status?.phase !== 'Available') continue;
    if (classOf(volume) !== classOf(claim)) continue;
    if (!hasModes(volume, claim) || !isSelected(volume, claim)) continue;
    if (node !== undefined && !isReachable(volume, node)) continue;
    if (best === undefined || capacity(volume) < capacity(best)) best = volume;
  }
  return best;
}

/** Returns the reason why a volume that the claim names does not fit it; undefined when it does. */
export function mismatch(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
): string | undefined {
  if (isTooSmall(volume, claim)) return 'requested PV is too small';
  if (classOf(volume) !== classOf(claim)) return 'storageClassName does not match';
  if (volumeMode(volume) !== volumeMode(claim)) return 'incompatible volumeMode';
  return hasModes(volume, claim) ? undefined : 'incompatible accessMode';
}

function capacity({ spec }: PersistentVolume): number {
  return bytesOf(spec?.capacity?.['storage']);
}

function isTooSmall(volume: PersistentVolume, { spec }: PersistentVolumeClaim): boolean {
  return capacity(volume) < bytesOf(spec?.resources?.requests?.['storage']);
}

function volumeMode({ spec }: PersistentVolume | PersistentVolumeClaim): string {
  return spec?.volumeMode ?? 'Filesystem';
}

function hasModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const modes = volume.spec?.accessModes ?? [];
  return (claim.spec?.accessModes ?? []).every((mode) => modes.includes(mode));
}

function isSelected({ metadata }: PersistentVolume, { spec }: PersistentVolumeClaim): boolean {
  return spec?.selector === undefined || selects(spec.selector, metadata?.labels);
}
