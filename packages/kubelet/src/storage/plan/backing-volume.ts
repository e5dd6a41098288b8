import { toPathSegment } from '@nodeagent/base';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '@nodeagent/kube-client';

import type { Bound, NfsVolume, VolumeMode } from '../../disks/index.js';
import { allContainers, podUid } from '../../pod/index.js';
import { VolumeError } from '../../volumes/index.js';
import { inlineHandle } from '../model/csi-paths.js';
import type { BackingVolume, CsiVolume, SecretRef } from '../model/csi-volume.js';

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
  const why = (text: string): VolumeError => claimError(claim, text);
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

function claimError({ metadata }: PersistentVolumeClaim, text: string): VolumeError {
  const place = `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
  return new VolumeError('VOLUME_SOURCE', `error processing PVC ${place}: ${text}`);
}

/** @throws {VolumeError} `VOLUME_SOURCE` if the two do not refer to each other */
export function assertBound({ claim, found }: Bound): void {
  const name = found.metadata?.name ?? '';
  const { claimRef } = found.spec ?? {};
  if (claimRef === undefined) {
    const text = `found PV object ${name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`;
    throw claimError(claim, text);
  }
  if (claimRef.uid === claim.metadata?.uid) return;
  const text = `found PV object ${name} but its pv.Spec.ClaimRef.UID ${claimRef.uid ?? ''} does not point to claim.UID ${claim.metadata?.uid ?? ''}`;
  throw claimError(claim, text);
}

/**
 * @throws {VolumeError} `VOLUME_SOURCE` if containers use a device as files, or files as a device
 */
function assertUse(pod: Pod, name: string, mode: VolumeMode): void {
  const field = mode === 'Block' ? 'volumeMounts' : 'volumeDevices';
  const misused = allContainers(pod).some(({ spec }) =>
    (spec[field] ?? []).some((use) => use.name === name),
  );
  if (!misused) return;
  const text = `volume ${name} has volumeMode ${mode}, but is specified in ${field}`;
  throw new VolumeError('VOLUME_SOURCE', text);
}

/** A pod's use of a PersistentVolume. */
interface Use {
  readonly name: string;
  readonly spec: NonNullable<PersistentVolume['spec']>;
  readonly metadata: NonNullable<PersistentVolume['metadata']>;
  readonly mode: VolumeMode;
  /** The pod's volume requests reading only. */
  readonly readOnly: boolean;
  readonly migrated: boolean;
}

/**
 * The volume that a PersistentVolume describes.
 *
 * @param migrated the description was translated from an in-tree one
 * @throws {VolumeError} `VOLUME_SOURCE`; `VOLUME_UNSUPPORTED` for kinds that this kubelet does not
 *   mount
 */
export function backingOfVolume(
  pod: Pod,
  volume: Volume,
  { metadata = {}, spec = {} }: PersistentVolume,
  migrated: boolean,
): BackingVolume {
  const { name = '' } = metadata;
  const mode = spec.volumeMode === 'Block' ? 'Block' : 'Filesystem';
  assertUse(pod, volume.name, mode);
  const readOnly = volume.persistentVolumeClaim?.readOnly === true;
  const backing = backingIn({ name, spec, metadata, mode, readOnly, migrated });
  if (backing !== undefined) return backing;
  const kinds = Object.entries<unknown>(spec)
    .filter(([key, value]) => value !== undefined && !COMMON_FIELDS.has(key))
    .map(([key]) => key);
  throw unsupported(`PersistentVolume ${name}`, kinds);
}

function backingIn(use: Use): BackingVolume | undefined {
  const { name, spec, mode, readOnly } = use;
  const { hostPath, local, nfs } = spec;
  if (spec.csi !== undefined) return csiVolume(use, spec.csi);
  const specName = toPathSegment(name, 'PersistentVolume name');
  const shared = { specName, readOnly, mountOptions: mountOptionsOf(use) };
  if (local !== undefined) {
    const { path, fsType = 'ext4' } = local;
    return { kind: 'local', path, fsType, mode, ...shared };
  }
  if (mode === 'Block') return undefined;
  if (hostPath !== undefined) {
    if (shared.mountOptions.length > 0) {
      const step = {
        operation: 'MountVolume',
        name: 'MountOptionSupport check',
        volume: name,
      } as const;
      const text = 'mount options are not supported for this volume type';
      throw new VolumeError('VOLUME_SOURCE', text, { step });
    }
    return { kind: 'hostPath', path: hostPath.path, type: hostPath.type ?? '', readOnly };
  }
  if (nfs === undefined) return undefined;
  return { kind: 'nfs', server: nfs.server, path: nfs.path, ...shared };
}

function csiVolume(
  { name, spec, mode, readOnly, migrated }: Use,
  csi: NonNullable<Use['spec']['csi']>,
): CsiVolume {
  return {
    kind: 'csi',
    driver: csi.driver,
    volumeHandle: csi.volumeHandle,
    specName: toPathSegment(name.replaceAll('/', '~'), 'PersistentVolume name'),
    lifecycle: 'Persistent',
    mode,
    migrated,
    fsType: csi.fsType ?? '',
    readOnly: readOnly || csi.readOnly === true,
    attributes: csi.volumeAttributes ?? {},
    accessModes: spec.accessModes ?? [],
    mountOptions: spec.mountOptions ?? [],
    stageSecret: secretRef(csi.nodeStageSecretRef),
    publishSecret: secretRef(csi.nodePublishSecretRef),
    expandSecret: secretRef(csi.nodeExpandSecretRef),
  };
}

const OPTIONS_ANNOTATION = 'volume.beta.kubernetes.io/mount-options';

/**
 * The annotation takes precedence.
 *
 * @see Kubernetes 1.36 pkg/volume/util/util.go, MountOptionFromSpec
 */
function mountOptionsOf({ spec, metadata }: Pick<Use, 'spec' | 'metadata'>): readonly string[] {
  const annotated = metadata.annotations?.[OPTIONS_ANNOTATION];
  return annotated === undefined ? (spec.mountOptions ?? []) : annotated.split(',');
}

/** Fields of a PersistentVolume's spec that are not a kind of volume. */
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

/** The reason why a kind is not mounted, and its replacement. */
const REFUSED: Readonly<Record<string, string>> = {
  iscsi: 'this kubelet logs in to no iSCSI target; use a CSI driver for iSCSI',
  fc: 'this kubelet scans no Fibre Channel; use a CSI driver for Fibre Channel',
  flexVolume:
    'this kubelet runs no FlexVolume programs, which Kubernetes deprecates; use a CSI driver',
  gitRepo:
    'git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate `GitRepoVolumeDriver`',
};

/** @throws {VolumeError} `VOLUME_UNSUPPORTED` for an unsupported kind of inline volume */
export function assertMountable({ name, ...source }: Volume): void {
  const refused = Object.keys(source).filter((kind) => REFUSED[kind] !== undefined);
  if (refused.length > 0) throw unsupported(`volume "${name}"`, refused);
}

function unsupported(what: string, kinds: readonly string[]): VolumeError {
  const why = kinds.map((kind) => REFUSED[kind]).find((text) => text !== undefined);
  const text = `${what}: ${why ?? `${kinds.join(', ')} volumes are not supported`}`;
  return new VolumeError('VOLUME_UNSUPPORTED', text);
}

/** A CSI volume that the pod declares inline. */
export function inlineVolume(pod: Pod, { name, csi }: Volume): CsiVolume | undefined {
  if (csi === undefined) return undefined;
  const secret = csi.nodePublishSecretRef?.name;
  return {
    kind: 'csi',
    driver: csi.driver,
    volumeHandle: inlineHandle(podUid(pod), name),
    specName: toPathSegment(name, 'volume name'),
    lifecycle: 'Ephemeral',
    mode: 'Filesystem',
    migrated: false,
    fsType: csi.fsType ?? '',
    readOnly: csi.readOnly === true,
    attributes: csi.volumeAttributes ?? {},
    accessModes: ['ReadWriteOnce'],
    mountOptions: [],
    stageSecret: undefined,
    publishSecret: secretRef(
      secret === undefined ? undefined : { name: secret, namespace: pod.metadata?.namespace ?? '' },
    ),
    expandSecret: undefined,
  };
}

/** A file server's directory that the pod declares inline. */
export function inlineNfs({ name, nfs }: Volume): NfsVolume | undefined {
  if (nfs === undefined) return undefined;
  const specName = toPathSegment(name, 'volume name');
  const { server, path, readOnly = false } = nfs;
  return { kind: 'nfs', server, path, specName, readOnly, mountOptions: [] };
}

function secretRef(
  ref: Readonly<{ name?: string; namespace?: string }> | undefined,
): SecretRef | undefined {
  if (ref?.name === undefined || ref.namespace === undefined) return undefined;
  return { name: ref.name, namespace: ref.namespace };
}
