import { type ApiObject, isObject, listAt, textAt, valueAt } from '../model/object.js';

/** The objects that a pod's volumes refer to; undefined for missing ones. */
export interface VolumeObjects {
  claim(namespace: string, name: string): ApiObject | undefined;
  volume(name: string): ApiObject | undefined;
  driver(name: string): ApiObject | undefined;
}

/**
 * True when a volume of the pod needs tokens for this audience: a projected token requests it, or
 * the CSI driver behind the volume does. Volumes of types that Kubernetes had before CSI are not
 * translated to their drivers.
 *
 * @param audience empty for that of the API server
 * @see Kubernetes 1.36 plugin/pkg/admission/noderestriction/admission.go, podReferencesAudience
 */
export function podUsesAudience(pod: ApiObject, audience: string, objects: VolumeObjects): boolean {
  return listAt(pod, 'spec.volumes').some((volume) => {
    const isProjected = listAt(volume, 'projected.sources').some(
      (source) =>
        isObject(valueAt(source, 'serviceAccountToken')) &&
        textAt(source, 'serviceAccountToken.audience') === audience,
    );
    if (isProjected) return true;
    const name = driverOf(pod, volume, objects);
    if (name === '') return false;
    const driver = objects.driver(name);
    return (
      driver !== undefined &&
      listAt(driver, 'spec.tokenRequests').some((one) => textAt(one, 'audience') === audience)
    );
  });
}

/** Returns the CSI driver of a volume; empty when it has none. */
function driverOf(pod: ApiObject, volume: unknown, objects: VolumeObjects): string {
  const inline = textAt(volume, 'csi.driver');
  if (inline !== '') return inline;
  const { name = '', namespace = '' } = pod.metadata;
  const claimName = isObject(valueAt(volume, 'ephemeral.volumeClaimTemplate'))
    ? `${name}-${textAt(volume, 'name')}`
    : textAt(volume, 'persistentVolumeClaim.claimName');
  if (claimName === '') return '';
  const claim = objects.claim(namespace, claimName);
  const bound = claim && objects.volume(textAt(claim, 'spec.volumeName'));
  return bound === undefined ? '' : textAt(bound, 'spec.csi.driver');
}
