import type { Pod, Volume } from '@nodeagent/kube-client';

/**
 * The pod's volumes that some container mounts; others are never made.
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
    containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map((m) => m.name)),
  );
  return (spec.volumes ?? []).filter(({ name }) => used.has(name));
}
