import { type ApiObject, listAt, textAt, valueAt } from '../model/object.js';

export const SECRET_PATHS = [
  'secret.secretName',
  'secret.name',
  'secretRef.name',
  'secretKeyRef.name',
];
export const CONFIG_MAP_PATHS = ['configMap.name', 'configMapRef.name', 'configMapKeyRef.name'];

/** True when a pod's volumes, environment or pull secrets name the object. */
export function mentions(pod: ApiObject, name: string, paths: readonly string[]): boolean {
  const containers = [
    ...listAt(pod, 'spec.initContainers'),
    ...listAt(pod, 'spec.containers'),
    ...listAt(pod, 'spec.ephemeralContainers'),
  ];
  const volumes = listAt(pod, 'spec.volumes');
  const places = [
    ...volumes,
    ...volumes.flatMap((volume) => listAt(volume, 'projected.sources')),
    ...containers.flatMap((container) => listAt(container, 'envFrom')),
    ...containers.flatMap((container) =>
      listAt(container, 'env').map((variable) => valueAt(variable, 'valueFrom')),
    ),
  ];
  const pullSecrets = paths === SECRET_PATHS ? listAt(pod, 'spec.imagePullSecrets') : [];
  return (
    places.some((place) => paths.some((path) => textAt(place, path) === name)) ||
    pullSecrets.some((secret) => secret['name'] === name)
  );
}
