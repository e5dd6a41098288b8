import { type PersistentVolume, selects } from '@nodeagent/kube-client';

import { VolumeError, type VolumeStep } from '../../volumes/index.js';

/**
 * Refuses a PersistentVolume that is not reachable from this node.
 *
 * @throws {VolumeError} `VOLUME_SOURCE`
 * @see Kubernetes 1.36 component-helpers/storage/volume, CheckNodeAffinity
 */
export function assertReachable(
  { spec }: PersistentVolume,
  labels: Readonly<Record<string, string>>,
  step: VolumeStep,
): void {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms;
  if (terms === undefined) return;
  const matches = terms.some(
    ({ matchExpressions = [], matchFields = [] }) =>
      matchFields.length === 0 &&
      matchExpressions.length > 0 &&
      selects({ matchExpressions }, labels),
  );
  if (!matches) throw new VolumeError('VOLUME_SOURCE', 'no matching NodeSelectorTerms', { step });
}

/**
 * @param users pods that use the volume on this node
 * @throws {VolumeError} `VOLUME_SOURCE` for a second pod of a ReadWriteOncePod volume
 * @see Kubernetes 1.36 pkg/volume/util/operationexecutor/operation_generator.go,
 *   IsVolumeMountedElsewhere
 */
export function assertAlone(
  accessModes: readonly string[],
  users: readonly string[],
  podUid: string,
): void {
  const isForOne = accessModes.length === 1 && accessModes[0] === 'ReadWriteOncePod';
  if (!isForOne || users.every((uid) => uid === podUid)) return;
  const text = 'volume uses the ReadWriteOncePod access mode and is already in use by another pod';
  throw new VolumeError('VOLUME_SOURCE', text);
}
