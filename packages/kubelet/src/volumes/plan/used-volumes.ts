import type { Pod, Volume } from '@nodeagent/kube-client';

/**
 * The pod's volumes that some container mounts, or uses as a device; the others are never created.
 *
 * @see Kubernetes 1.36 pkg/volume/util/util.go, GetPodVolumeNames
 */
export function usedVolumes(pod: Pod): readonly Volume[] {
  const { spec } = pod;
  if (spec === undefined) return [];
  const containers = [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...(spec.ephemeralContainers ?? []),
  ];
  const used = new Set(
    containers.flatMap(({ volumeMounts = [], volumeDevices = [] }) =>
      [...volumeMounts, ...volumeDevices].map(({ name }) => name),
    ),
  );
  return (spec.volumes ?? []).filter(({ name }) => used.has(name));
}

/** The claim behind a pod's volume; undefined for a volume without one. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.ephemeral !== undefined) return `${pod.metadata?.name ?? ''}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}
