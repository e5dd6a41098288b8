import type { PersistentVolume } from '@nodeagent/kube-client';

const ANNOTATION = 'pv.beta.kubernetes.io/gid';

/**
 * The group that processes need for the files of a PersistentVolume.
 *
 * @returns undefined if its annotation is missing, or is not a group id
 * @see Kubernetes 1.36 pkg/volume/util/util.go, VolumeGidAnnotationKey
 */
export function volumeGroup({ metadata }: PersistentVolume): number | undefined {
  const text = metadata?.annotations?.[ANNOTATION] ?? '';
  const gid = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(gid) ? gid : undefined;
}
