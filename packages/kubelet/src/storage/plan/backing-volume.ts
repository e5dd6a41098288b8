import { toPathSegment } from '@nodeagent/base';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '@nodeagent/kube-client';

import { podUid } from '../../pod/index.js';
import { VolumeError } from '../../volumes/index.js';
import { inlineHandle } from '../model/csi-paths.js';
import type { BackingVolume, CsiVolume, SecretRef } from '../model/csi-volume.js';

/** The claim behind a pod's volume; undefined for a volume without one. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.ephemeral !== undefined) return `${pod.metadata?.name ?? ''}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}

const PROTECTION = 'kubernetes.io/pvc-protection';

/**
 * The name of the PersistentVolume that a claim is bound to.
 *
 * @throws {VolumeError} `VOLUME_SOURCE` while the claim cannot be used
 * @see Kubernetes 1.36 pkg/kubelet/volumemanager/populator/desired_state_of_world_populator.go
 */
export function boundVolume(pod: Pod, volume: Volume, claim: PersistentVolumeClaim): string {
  const { metadata = {}, spec, status } = claim;
  if (volume.ephemeral !== undefined && !isOwnedBy(claim, pod)) {
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const text = `PVC ${namespace}/${metadata.name} was not created for pod ${namespace}/${name} (pod is not owner)`;
    throw new VolumeError('VOLUME_SOURCE', text);
  }
  const why = (text: string): VolumeError => {
    const place = `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
    return new VolumeError('VOLUME_SOURCE', `error processing PVC ${place}: ${text}`);
  };
  if (metadata.deletionTimestamp !== undefined && !metadata.finalizers?.includes(PROTECTION)) {
    throw why('PVC is being deleted');
  }
  if (status?.phase !== 'Bound') throw why('PVC is not bound');
  if (!spec?.volumeName) throw why('PVC has empty pvc.Spec.VolumeName');
  return spec.volumeName;
}

function isOwnedBy(claim: PersistentVolumeClaim, pod: Pod): boolean {
  const owners = claim.metadata?.ownerReferences ?? [];
  return owners.some(({ controller, uid }) => controller === true && uid === pod.metadata?.uid);
}

/**
 * What a claim's PersistentVolume is made of.
 *
 * @param readOnly the pod asks for no more than reading
 * @throws {VolumeError} `VOLUME_SOURCE`; `VOLUME_UNSUPPORTED` for kinds that this kubelet does not mount
 */
export function backingOfClaim(
  volume: Volume,
  claim: PersistentVolumeClaim,
  found: PersistentVolume,
): BackingVolume {
  const { name = '' } = found.metadata ?? {};
  const { spec = {} } = found;
  const place = `${claim.metadata?.namespace ?? ''}/${claim.metadata?.name ?? ''}`;
  const why = (text: string): VolumeError =>
    new VolumeError('VOLUME_SOURCE', `error processing PVC ${place}: ${text}`);
  if (spec.claimRef === undefined) {
    throw why(
      `found PV object ${name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`,
    );
  }
  if (spec.claimRef.uid !== claim.metadata?.uid) {
    throw why(
      `found PV object ${name} but its pv.Spec.ClaimRef.UID ${spec.claimRef.uid ?? ''} does not point to claim.UID ${claim.metadata?.uid ?? ''}`,
    );
  }
  if (spec.volumeMode === 'Block') {
    const text = `volume ${volume.name} has volumeMode Block, but is specified in volumeMounts`;
    throw new VolumeError('VOLUME_SOURCE', text);
  }
  const readOnly = volume.persistentVolumeClaim?.readOnly === true;
  if (spec.hostPath !== undefined) {
    return { kind: 'hostPath', path: spec.hostPath.path, type: spec.hostPath.type ?? '', readOnly };
  }
  if (spec.csi !== undefined) {
    return {
      kind: 'csi',
      driver: spec.csi.driver,
      volumeHandle: spec.csi.volumeHandle,
      specName: toPathSegment(name, 'PersistentVolume name'),
      lifecycle: 'Persistent',
      fsType: spec.csi.fsType ?? '',
      readOnly: readOnly || spec.csi.readOnly === true,
      attributes: spec.csi.volumeAttributes ?? {},
      accessModes: spec.accessModes ?? [],
      mountOptions: spec.mountOptions ?? [],
      stageSecret: secretRef(spec.csi.nodeStageSecretRef),
      publishSecret: secretRef(spec.csi.nodePublishSecretRef),
    };
  }
  const kinds = Object.entries(spec)
    .filter(([key, value]) => value !== undefined && !COMMON_FIELDS.has(key))
    .map(([key]) => key);
  const text = `PersistentVolume ${name}: ${kinds.join(', ')} volumes are not supported`;
  throw new VolumeError('VOLUME_UNSUPPORTED', text);
}

/** Fields of a PersistentVolume's spec that name no kind of volume. */
const COMMON_FIELDS: ReadonlySet<string> = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

/** A CSI volume that the pod declares by itself. */
export function inlineVolume(pod: Pod, { name, csi }: Volume): CsiVolume | undefined {
  if (csi === undefined) return undefined;
  const secret = csi.nodePublishSecretRef?.name;
  return {
    kind: 'csi',
    driver: csi.driver,
    volumeHandle: inlineHandle(podUid(pod), name),
    specName: toPathSegment(name, 'volume name'),
    lifecycle: 'Ephemeral',
    fsType: csi.fsType ?? '',
    readOnly: csi.readOnly === true,
    attributes: csi.volumeAttributes ?? {},
    accessModes: ['ReadWriteOnce'],
    mountOptions: [],
    stageSecret: undefined,
    publishSecret: secretRef(
      secret === undefined ? undefined : { name: secret, namespace: pod.metadata?.namespace ?? '' },
    ),
  };
}

function secretRef(
  ref: Readonly<{ name?: string; namespace?: string }> | undefined,
): SecretRef | undefined {
  if (ref?.name === undefined || ref.namespace === undefined) return undefined;
  return { name: ref.name, namespace: ref.namespace };
}
